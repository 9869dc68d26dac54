"""The first layer of an image network: 7x7, stride 2, three channels."""

import torch
from torch import nn

batch = 12
channels = 32
side = 128

PROFILES = {
    "cpu": {"batch": 12, "channels": 32, "side": 128},
    "gpu": {"batch": 128, "channels": 64, "side": 224},
}


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, images):
        return self.conv(images)


def get_inputs():
    return [torch.rand(batch, 3, side, side)]


def get_init_inputs():
    return [channels]
