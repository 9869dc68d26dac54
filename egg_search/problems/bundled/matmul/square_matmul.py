"""A product of two square matrices."""

import torch
from torch import nn

size = 512

PROFILES = {
    "cpu": {"size": 512},
    "gpu": {"size": 8192},
}


class Model(nn.Module):
    def forward(self, a, b):
        return a @ b


def get_inputs():
    return [torch.randn(size, size), torch.randn(size, size)]


def get_init_inputs():
    return []
