"""A small convolution of a volume, then the largest channel."""

import torch
from torch import nn

batch = 4
channels_in = 8
channels_out = 16
depth = 20
side = 40

PROFILES = {
    "cpu": {"batch": 4, "channels_in": 8, "channels_out": 16, "depth": 20, "side": 40},
    "gpu": {"batch": 16, "channels_in": 32, "channels_out": 64, "depth": 32, "side": 64},
}


class Model(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, kernel_size=3)

    def forward(self, x):
        return torch.amax(self.conv(x), dim=1)


def get_inputs():
    return [torch.randn(batch, channels_in, depth, side, side)]


def get_init_inputs():
    return [channels_in, channels_out]
