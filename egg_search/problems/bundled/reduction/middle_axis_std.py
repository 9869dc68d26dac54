"""Mean and unbiased standard deviation over the middle axis: two outputs."""

import torch
from torch import nn

batch = 24
steps = 192
features = 384

PROFILES = {
    "cpu": {"batch": 24, "steps": 192, "features": 384},
    "gpu": {"batch": 128, "steps": 1024, "features": 1024},
}


class Model(nn.Module):
    def forward(self, x):
        return x.mean(dim=1), x.std(dim=1)


def get_inputs():
    return [2.0 * torch.randn(batch, steps, features) + 0.5]


def get_init_inputs():
    return []
