"""Kernels of kind "conv"."""

from operators.authors.expert.cuda.conv.generator import ConvGenerator

__all__ = ["ConvGenerator"]
