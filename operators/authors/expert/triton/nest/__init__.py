"""Kernels of kind "nest"."""

from operators.authors.expert.triton.nest.generator import NestGenerator

__all__ = ["NestGenerator"]
