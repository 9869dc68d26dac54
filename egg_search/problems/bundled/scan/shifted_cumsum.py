"""Exclusive running sum: every position gets what came before it."""

import torch
import torch.nn.functional as F
from torch import nn

rows = 1536
cols = 1536

PROFILES = {
    "cpu": {"rows": 1536, "cols": 1536},
    "gpu": {"rows": 16384, "cols": 8192},
}


class Model(nn.Module):
    def forward(self, x):
        before = F.pad(torch.cumsum(x, dim=-1), (1, 0))
        return before[:, :-1] + 0.5 * x


def get_inputs():
    return [torch.randn(rows, cols)]


def get_init_inputs():
    return []
