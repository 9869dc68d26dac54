"""A gated linear unit: one half of the channels gates the other."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 24
channels = 768
length = 384

PROFILES = {
    "cpu": {"batch": 24, "channels": 768, "length": 384},
    "gpu": {"batch": 64, "channels": 4096, "length": 1024},
}


class Model(nn.Module):
    def forward(self, x):
        return F.glu(x, dim=1) * 0.5 + 1.0


def get_inputs():
    return [torch.randn(batch, channels, length)]


def get_init_inputs():
    return []
