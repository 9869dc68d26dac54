"""Average pooling of a volume."""

import torch
from torch import nn

batch = 4
channels = 24
depth = 20
side = 40

PROFILES = {
    "cpu": {"batch": 4, "channels": 24, "depth": 20, "side": 40},
    "gpu": {"batch": 16, "channels": 64, "depth": 64, "side": 128},
}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool3d(2, stride=2)

    def forward(self, x):
        return self.pool(x)


def get_inputs():
    return [torch.randn(batch, channels, depth, side, side)]


def get_init_inputs():
    return []
