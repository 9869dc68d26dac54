"""A diagonal matrix times a dense one, then a diagonal from the right."""

import torch
from torch import nn

rows = 512
cols = 448

PROFILES = {
    "cpu": {"rows": 512, "cols": 448},
    "gpu": {"rows": 8192, "cols": 8192},
}


class Model(nn.Module):
    def forward(self, left, x, right):
        return torch.diag(left) @ x @ torch.diag(right)


def get_inputs():
    return [torch.randn(rows), torch.randn(rows, cols), torch.randn(cols)]


def get_init_inputs():
    return []
