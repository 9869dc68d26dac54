"""Kernels of kind "scan"."""

from operators.authors.expert.triton.scan.generator import ScanGenerator

__all__ = ["ScanGenerator"]
