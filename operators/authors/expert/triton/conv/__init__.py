"""Convolutions of the triton dialect."""

from operators.authors.expert.triton.conv.generator import ConvGenerator

__all__ = ["ConvGenerator"]
