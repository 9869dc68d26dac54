"""Mean square of every row."""

import torch
from torch import nn

rows = 3072
cols = 2304

PROFILES = {
    "cpu": {"rows": 3072, "cols": 2304},
    "gpu": {"rows": 32768, "cols": 8192},
}


class Model(nn.Module):
    def forward(self, x):
        return (x * x).mean(dim=-1)


def get_inputs():
    return [torch.randn(rows, cols)]


def get_init_inputs():
    return []
