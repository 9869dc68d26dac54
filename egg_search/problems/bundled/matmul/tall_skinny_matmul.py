"""A tall matrix times a narrow one."""

import torch
from torch import nn

rows = 12000
inner = 256
cols = 24

PROFILES = {
    "cpu": {"rows": 12000, "inner": 256, "cols": 24},
    "gpu": {"rows": 262144, "inner": 1024, "cols": 64},
}


class Model(nn.Module):
    def forward(self, a, b):
        return torch.matmul(a, b)


def get_inputs():
    return [torch.randn(rows, inner), torch.randn(inner, cols)]


def get_init_inputs():
    return []
