"""Kernels of kind "scan"."""

from operators.authors.expert.cpp.scan.generator import ScanGenerator

__all__ = ["ScanGenerator"]
