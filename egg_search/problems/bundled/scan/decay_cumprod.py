"""Running product of decay factors, applied to values."""

import torch
from torch import nn

rows = 1024
cols = 2000

PROFILES = {
    "cpu": {"rows": 1024, "cols": 2000},
    "gpu": {"rows": 16384, "cols": 4096},
}


class Model(nn.Module):
    def forward(self, decay, values):
        return torch.cumprod(1.0 - 0.01 * torch.sigmoid(decay), dim=-1) * values


def get_inputs():
    return [torch.randn(rows, cols), torch.randn(rows, cols)]


def get_init_inputs():
    return []
