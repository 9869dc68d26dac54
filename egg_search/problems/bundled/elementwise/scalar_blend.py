"""A blend of two tensors by a Python number, with a list of tensors as an input."""

import torch
from torch import nn

rows = 1024
cols = 1024
weight = 0.35

PROFILES = {
    "cpu": {"rows": 1024, "cols": 1024, "weight": 0.35},
    "gpu": {"rows": 16384, "cols": 8192, "weight": 0.35},
}


class Model(nn.Module):
    def forward(self, parts, weight, squash):
        mixed = parts[0] * weight + parts[1] * (1.0 - weight)
        return torch.tanh(mixed) if squash else mixed


def get_inputs():
    return [[torch.randn(rows, cols), torch.randn(rows, cols)], weight, True]


def get_init_inputs():
    return []
