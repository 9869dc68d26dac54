"""Smooth activations: exact and tanh GELU, SiLU, Mish and softplus."""

import torch
import torch.nn.functional as F
from torch import nn

tokens = 512
width = 768

PROFILES = {
    "cpu": {"tokens": 512, "width": 768},
    "gpu": {"tokens": 8192, "width": 8192},
}


class Model(nn.Module):
    def forward(self, x, y):
        a = F.gelu(x) + F.gelu(y, approximate="tanh")
        b = F.silu(x - y) * F.mish(y)
        return a + b - F.softplus(x, beta=2.0)


def get_inputs():
    return [torch.randn(tokens, width), torch.randn(tokens, width)]


def get_init_inputs():
    return []
