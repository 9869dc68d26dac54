"""Matrix products of the triton dialect."""

from operators.authors.expert.triton.matmul.generator import MatmulGenerator

__all__ = ["MatmulGenerator"]
