"""A linear layer with bias, then GELU and a scale per feature."""

import torch
import torch.nn.functional as F
from torch import nn

tokens = 768
width = 256
hidden = 768

PROFILES = {
    "cpu": {"tokens": 768, "width": 256, "hidden": 768},
    "gpu": {"tokens": 16384, "width": 4096, "hidden": 16384},
}


class Model(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.linear = nn.Linear(width, hidden)
        self.scale = nn.Parameter(1.0 + 0.1 * torch.randn(hidden))

    def forward(self, x):
        return F.gelu(self.linear(x)) * self.scale


def get_inputs():
    return [torch.randn(tokens, width)]


def get_init_inputs():
    return [width, hidden]
