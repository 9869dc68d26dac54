"""Group norm of an image, then SiLU."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 12
channels = 96
groups = 8
side = 56

PROFILES = {
    "cpu": {"batch": 12, "channels": 96, "groups": 8, "side": 56},
    "gpu": {"batch": 64, "channels": 256, "groups": 32, "side": 128},
}


class Model(nn.Module):
    def __init__(self, groups, channels):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)

    def forward(self, x):
        return F.silu(self.norm(x))


def get_inputs():
    return [1.5 * torch.randn(batch, channels, side, side) - 0.2]


def get_init_inputs():
    return [groups, channels]
