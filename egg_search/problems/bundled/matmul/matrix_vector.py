"""A matrix times a vector, plus a bias."""

import torch
from torch import nn

rows = 4096
cols = 2560

PROFILES = {
    "cpu": {"rows": 4096, "cols": 2560},
    "gpu": {"rows": 32768, "cols": 32768},
}


class Model(nn.Module):
    def forward(self, matrix, vector, bias):
        return torch.mv(matrix, vector) + bias


def get_inputs():
    return [torch.randn(rows, cols), torch.randn(cols), torch.randn(rows)]


def get_init_inputs():
    return []
