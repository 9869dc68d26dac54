"""A blend of the rectifiers: ReLU, ReLU6, leaky ReLU, ELU, SELU, CELU and PReLU."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 64
channels = 48
length = 256
slope = 0.02

PROFILES = {
    "cpu": {"batch": 64, "channels": 48, "length": 256, "slope": 0.02},
    "gpu": {"batch": 512, "channels": 256, "length": 1024, "slope": 0.02},
}


class Model(nn.Module):
    def __init__(self, channels, slope):
        super().__init__()
        self.slope = slope
        self.prelu = nn.PReLU(channels, init=0.1)

    def forward(self, x):
        y = F.relu(x - 0.5) + F.relu6(2.0 * x) - F.leaky_relu(x + 0.25, self.slope)
        y = y + F.elu(x, alpha=0.7) * F.selu(y) - F.celu(x - y, alpha=1.3)
        return self.prelu(y)


def get_inputs():
    return [torch.randn(batch, channels, length)]


def get_init_inputs():
    return [channels, slope]
