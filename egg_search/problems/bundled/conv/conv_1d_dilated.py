"""A dilated convolution of a signal with bias, then tanh."""

import torch
from torch import nn

batch = 8
channels_in = 48
channels_out = 64
length = 1200

PROFILES = {
    "cpu": {"batch": 8, "channels_in": 48, "channels_out": 64, "length": 1200},
    "gpu": {"batch": 64, "channels_in": 256, "channels_out": 256, "length": 8192},
}


class Model(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.Conv1d(channels_in, channels_out, kernel_size=5, padding=4, dilation=2)

    def forward(self, x):
        return torch.tanh(self.conv(x))


def get_inputs():
    return [torch.randn(batch, channels_in, length)]


def get_init_inputs():
    return [channels_in, channels_out]
