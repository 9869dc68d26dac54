"""Instance norm of every channel of every image, then leaky ReLU."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 8
channels = 96
height = 44
width = 44

PROFILES = {
    "cpu": {"batch": 8, "channels": 96, "height": 44, "width": 44},
    "gpu": {"batch": 64, "channels": 256, "height": 128, "width": 128},
}


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x):
        return F.leaky_relu(self.norm(x), 0.1)


def get_inputs():
    return [torch.randn(batch, channels, height, width)]


def get_init_inputs():
    return [channels]
