"""A depthwise 3x3 convolution with bias."""

import torch
from torch import nn

batch = 12
channels = 96
height = 48
width = 56

PROFILES = {
    "cpu": {"batch": 12, "channels": 96, "height": 48, "width": 56},
    "gpu": {"batch": 64, "channels": 512, "height": 112, "width": 112},
}


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels)

    def forward(self, x):
        return self.conv(x)


def get_inputs():
    return [torch.randn(batch, channels, height, width)]


def get_init_inputs():
    return [channels]
