"""Causal attention where groups of query heads share keys and values."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 2
heads = 8
shared_heads = 2
length = 384
width = 32

PROFILES = {
    "cpu": {"batch": 2, "heads": 8, "shared_heads": 2, "length": 384, "width": 32},
    "gpu": {"batch": 8, "heads": 32, "shared_heads": 8, "length": 4096, "width": 128},
}


class Model(nn.Module):
    def forward(self, query, key, value):
        repeats = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)


def get_inputs():
    shared = (batch, shared_heads, length, width)
    return [torch.randn(batch, heads, length, width), torch.randn(shared), torch.randn(shared)]


def get_init_inputs():
    return []
