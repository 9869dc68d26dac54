"""Kernels of kind "nest"."""

from operators.authors.expert.cuda.nest.generator import NestGenerator

__all__ = ["NestGenerator"]
