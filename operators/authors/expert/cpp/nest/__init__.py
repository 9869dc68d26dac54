"""Kernels of kind "nest"."""

from operators.authors.expert.cpp.nest.generator import NestGenerator

__all__ = ["NestGenerator"]
