"""A grouped 3x3 convolution, then hard swish."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 12
channels = 64
groups = 4
side = 48

PROFILES = {
    "cpu": {"batch": 12, "channels": 64, "groups": 4, "side": 48},
    "gpu": {"batch": 64, "channels": 512, "groups": 32, "side": 56},
}


class Model(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=groups)

    def forward(self, x):
        return F.hardswish(self.conv(x))


def get_inputs():
    return [torch.randn(batch, channels, side, side)]


def get_init_inputs():
    return [channels, groups]
