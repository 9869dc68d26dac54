"""A product with a small inner dimension, then a hyperbolic tangent."""

import torch
from torch import nn

rows = 960
inner = 12
cols = 1100

PROFILES = {
    "cpu": {"rows": 960, "inner": 12, "cols": 1100},
    "gpu": {"rows": 16384, "inner": 16, "cols": 16384},
}


class Model(nn.Module):
    def forward(self, a, b):
        return torch.tanh(torch.matmul(a, b))


def get_inputs():
    return [torch.randn(rows, inner), torch.randn(inner, cols)]


def get_init_inputs():
    return []
