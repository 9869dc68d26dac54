"""A scale and a shift per channel, clamped, then a swish with a learnt slope."""

import torch
from torch import nn

batch = 16
channels = 64
height = 40
width = 40

PROFILES = {
    "cpu": {"batch": 16, "channels": 64, "height": 40, "width": 40},
    "gpu": {"batch": 128, "channels": 256, "height": 112, "width": 112},
}


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(1.0 + 0.1 * torch.randn(channels, 1, 1))
        self.shift = nn.Parameter(0.1 * torch.randn(channels, 1, 1))
        self.slope = nn.Parameter(torch.ones(()))

    def forward(self, x):
        y = torch.clamp(x * self.scale + self.shift, min=-2.0, max=4.0)
        return y * torch.sigmoid(self.slope * y)


def get_inputs():
    return [torch.randn(batch, channels, height, width)]


def get_init_inputs():
    return [channels]
