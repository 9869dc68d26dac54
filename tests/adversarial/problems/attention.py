"""Causal attention with a projection of its result."""

import torch
import torch.nn as nn

batch = 2
heads = 4
length = 160
depth = 32


class Model(nn.Module):
    def __init__(self, heads, depth):
        super().__init__()
        self.project = nn.Linear(heads * depth, heads * depth)

    def forward(self, q, k, v):
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        mixed = torch.softmax(scores.masked_fill(mask, float("-inf")), dim=-1) @ v
        return self.project(mixed.transpose(1, 2).flatten(2))


def get_inputs():
    return [torch.randn(batch, heads, length, depth) for _ in range(3)]


def get_init_inputs():
    return [heads, depth]
