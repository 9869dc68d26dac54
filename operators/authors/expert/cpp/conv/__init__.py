"""Convolutions of the cpp dialect."""

from operators.authors.expert.cpp.conv.generator import ConvGenerator

__all__ = ["ConvGenerator"]
