"""Rotary position embedding: halves of every head are rotated by its position's angle."""

import torch
from torch import nn

batch = 8
heads = 8
length = 640
width = 64

PROFILES = {
    "cpu": {"batch": 8, "heads": 8, "length": 640, "width": 64},
    "gpu": {"batch": 16, "heads": 32, "length": 4096, "width": 128},
}


class Model(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        frequency = 10000.0 ** (-torch.arange(0, width, 2).float() / width)
        angle = torch.arange(length).float()[:, None] * frequency
        self.register_buffer("cos", angle.cos().repeat(1, 2))
        self.register_buffer("sin", angle.sin().repeat(1, 2))

    def forward(self, x):
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-second, first), dim=-1) * self.sin


def get_inputs():
    return [torch.randn(batch, heads, length, width)]


def get_init_inputs():
    return [length, width]
