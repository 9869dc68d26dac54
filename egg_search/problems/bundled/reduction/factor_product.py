"""Products over a short last axis, summed over the batch."""

import torch
from torch import nn

batch = 96
positions = 6144
factors = 8

PROFILES = {
    "cpu": {"batch": 96, "positions": 6144, "factors": 8},
    "gpu": {"batch": 512, "positions": 65536, "factors": 8},
}


class Model(nn.Module):
    def forward(self, x):
        return torch.prod(1.0 + 0.5 * x, dim=-1).sum(dim=0)


def get_inputs():
    return [torch.rand(batch, positions, factors) - 0.5]


def get_init_inputs():
    return []
