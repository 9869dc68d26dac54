"""Piecewise activations: hard tanh, hard sigmoid, hard swish, soft, hard and tanh shrink, threshold."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 32
channels = 96
side = 16

PROFILES = {
    "cpu": {"batch": 32, "channels": 96, "side": 16},
    "gpu": {"batch": 256, "channels": 512, "side": 32},
}


class Model(nn.Module):
    def forward(self, x):
        y = F.hardswish(x) + F.hardtanh(x, -0.75, 1.25) * F.hardsigmoid(x)
        y = F.softshrink(y, 0.2) + F.hardshrink(x, 0.4) - F.tanhshrink(y)
        return F.threshold(y, -1.0, -1.0)


def get_inputs():
    return [torch.randn(batch, channels, side, side)]


def get_init_inputs():
    return []
