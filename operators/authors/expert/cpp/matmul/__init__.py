"""Matrix products of the cpp dialect."""

from operators.authors.expert.cpp.matmul.generator import MatmulGenerator

__all__ = ["MatmulGenerator"]
