"""Attention of the triton dialect: product, softmax and product in one pass over the keys."""

from operators.authors.expert.triton.attention.generator import AttentionGenerator

__all__ = ["AttentionGenerator"]
