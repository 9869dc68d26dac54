"""Causal attention with projections in and out."""

import torch
from torch import nn

batch = 2
length = 256
width = 192
heads = 6

PROFILES = {
    "cpu": {"batch": 2, "length": 256, "width": 192, "heads": 6},
    "gpu": {"batch": 16, "length": 2048, "width": 2048, "heads": 32},
}


class Model(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.project_in(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5
        future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        mixed = torch.softmax(scores.masked_fill(future, float("-inf")), dim=-1) @ v
        return self.project_out(mixed.transpose(1, 2).reshape(batch, length, width))


def get_inputs():
    return [torch.randn(batch, length, width)]


def get_init_inputs():
    return [width, heads]
