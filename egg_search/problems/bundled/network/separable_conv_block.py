"""A depthwise and a pointwise convolution, group norm, SiLU and average pooling."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 8
channels_in = 48
channels_out = 64
groups = 8
side = 48

PROFILES = {
    "cpu": {"batch": 8, "channels_in": 48, "channels_out": 64, "groups": 8, "side": 48},
    "gpu": {"batch": 64, "channels_in": 256, "channels_out": 512, "groups": 32, "side": 112},
}


class Model(nn.Module):
    def __init__(self, channels_in, channels_out, groups):
        super().__init__()
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1)
        self.norm = nn.GroupNorm(groups, channels_out)

    def forward(self, x):
        y = F.silu(self.norm(self.pointwise(self.depthwise(x))))
        return F.avg_pool2d(y, 2)


def get_inputs():
    return [torch.randn(batch, channels_in, side, side)]


def get_init_inputs():
    return [channels_in, channels_out, groups]
