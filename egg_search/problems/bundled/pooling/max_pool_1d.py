"""Overlapping max pooling of a signal, with padding."""

import torch
from torch import nn

batch = 24
channels = 64
length = 4000
window = 5
stride = 2

PROFILES = {
    "cpu": {"batch": 24, "channels": 64, "length": 4000, "window": 5, "stride": 2},
    "gpu": {"batch": 128, "channels": 256, "length": 16384, "window": 5, "stride": 2},
}


class Model(nn.Module):
    def __init__(self, window, stride):
        super().__init__()
        self.pool = nn.MaxPool1d(window, stride, padding=window // 2)

    def forward(self, x):
        return self.pool(x)


def get_inputs():
    return [torch.randn(batch, channels, length)]


def get_init_inputs():
    return [window, stride]
