"""Average pooling of an image, scaled per channel."""

import torch
from torch import nn

batch = 16
channels = 48
height = 64
width = 80

PROFILES = {
    "cpu": {"batch": 16, "channels": 48, "height": 64, "width": 80},
    "gpu": {"batch": 128, "channels": 128, "height": 256, "width": 256},
}


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pool = nn.AvgPool2d(3, stride=2, padding=1)
        self.scale = nn.Parameter(torch.randn(channels, 1, 1))

    def forward(self, x):
        return self.pool(x) * self.scale


def get_inputs():
    return [torch.randn(batch, channels, height, width)]


def get_init_inputs():
    return [channels]
