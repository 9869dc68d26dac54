"""GELU gated by a sigmoid, plus a residual."""

import torch
import torch.nn.functional as F
from torch import nn

tokens = 1024
width = 1536

PROFILES = {
    "cpu": {"tokens": 1024, "width": 1536},
    "gpu": {"tokens": 16384, "width": 8192},
}


class Model(nn.Module):
    def forward(self, x, gate, residual):
        return F.gelu(x) * torch.sigmoid(gate) + residual


def get_inputs():
    return [torch.randn(tokens, width) for _ in range(3)]


def get_init_inputs():
    return []
