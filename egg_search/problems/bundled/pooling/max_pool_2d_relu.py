"""ReLU, then dilated max pooling of an image."""

import torch
from torch import nn

batch = 8
channels = 48
side = 72

PROFILES = {
    "cpu": {"batch": 8, "channels": 48, "side": 72},
    "gpu": {"batch": 64, "channels": 128, "side": 256},
}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1, dilation=2)

    def forward(self, x):
        return self.pool(torch.relu(x))


def get_inputs():
    return [torch.randn(batch, channels, side, side)]


def get_init_inputs():
    return []
