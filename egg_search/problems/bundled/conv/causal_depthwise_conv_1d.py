"""A causal depthwise convolution of a sequence, then SiLU."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 8
channels = 256
length = 1280
taps = 4

PROFILES = {
    "cpu": {"batch": 8, "channels": 256, "length": 1280, "taps": 4},
    "gpu": {"batch": 16, "channels": 4096, "length": 4096, "taps": 4},
}


class Model(nn.Module):
    def __init__(self, channels, taps):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, kernel_size=taps, padding=taps - 1, groups=channels)

    def forward(self, x):
        return F.silu(self.conv(x)[..., : x.shape[-1]])


def get_inputs():
    return [torch.randn(batch, channels, length)]


def get_init_inputs():
    return [channels, taps]
