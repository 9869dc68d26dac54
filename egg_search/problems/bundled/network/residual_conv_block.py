"""Two convolutions with batch norm (training mode) and a shortcut."""

import torch
from torch import nn

batch = 8
channels = 32
side = 40

PROFILES = {
    "cpu": {"batch": 8, "channels": 32, "side": 40},
    "gpu": {"batch": 64, "channels": 256, "side": 56},
}


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_1 = nn.BatchNorm2d(channels)
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = torch.relu(self.norm_1(self.conv_1(x)))
        return torch.relu(self.norm_2(self.conv_2(y)) + x)


def get_inputs():
    return [torch.randn(batch, channels, side, side)]


def get_init_inputs():
    return [channels]
