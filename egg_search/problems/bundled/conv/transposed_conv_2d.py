"""A transposed convolution that doubles an image, then sigmoid."""

import torch
from torch import nn

batch = 8
channels_in = 40
channels_out = 24
side = 48

PROFILES = {
    "cpu": {"batch": 8, "channels_in": 40, "channels_out": 24, "side": 48},
    "gpu": {"batch": 32, "channels_in": 256, "channels_out": 128, "side": 128},
}


class Model(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1)

    def forward(self, x):
        return torch.sigmoid(self.conv(x))


def get_inputs():
    return [torch.randn(batch, channels_in, side, side)]


def get_init_inputs():
    return [channels_in, channels_out]
