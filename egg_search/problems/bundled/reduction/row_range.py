"""Largest minus smallest value over the image axes, as a dict with the largest magnitude."""

import torch
from torch import nn

batch = 80
channels = 64
height = 36
width = 36

PROFILES = {
    "cpu": {"batch": 80, "channels": 64, "height": 36, "width": 36},
    "gpu": {"batch": 256, "channels": 256, "height": 64, "width": 64},
}


class Model(nn.Module):
    def forward(self, x):
        spread = torch.amax(x, dim=(2, 3)) - torch.amin(x, dim=(2, 3))
        return {"spread": spread, "peak": x.abs().amax(dim=(2, 3))}


def get_inputs():
    return [torch.randn(batch, channels, height, width)]


def get_init_inputs():
    return []
