"""A 1x1 convolution with bias, then ReLU6."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 8
channels_in = 96
channels_out = 128
side = 44

PROFILES = {
    "cpu": {"batch": 8, "channels_in": 96, "channels_out": 128, "side": 44},
    "gpu": {"batch": 64, "channels_in": 512, "channels_out": 1024, "side": 56},
}


class Model(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel_size=1)

    def forward(self, x):
        return F.relu6(self.conv(x))


def get_inputs():
    return [torch.randn(batch, channels_in, side, side)]


def get_init_inputs():
    return [channels_in, channels_out]
