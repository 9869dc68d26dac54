"""Streaming attention: product, softmax and product in one pass over the keys (Dao et al., FlashAttention, 2022)."""

from operators.authors.expert.cpp.attention.generator import AttentionGenerator

__all__ = ["AttentionGenerator"]
