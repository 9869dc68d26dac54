"""Overlapping max pooling of a volume."""

import torch
from torch import nn

batch = 2
channels = 24
depth = 24
side = 36

PROFILES = {
    "cpu": {"batch": 2, "channels": 24, "depth": 24, "side": 36},
    "gpu": {"batch": 16, "channels": 64, "depth": 64, "side": 112},
}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool3d(3, stride=2)

    def forward(self, x):
        return self.pool(x)


def get_inputs():
    return [torch.randn(batch, channels, depth, side, side)]


def get_init_inputs():
    return []
