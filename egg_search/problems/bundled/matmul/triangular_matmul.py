"""The lower triangle of a product of two lower triangular matrices."""

import torch
from torch import nn

size = 480

PROFILES = {
    "cpu": {"size": 480},
    "gpu": {"size": 8192},
}


class Model(nn.Module):
    def forward(self, a, b):
        return torch.tril(torch.matmul(torch.tril(a), torch.tril(b)))


def get_inputs():
    return [torch.randn(size, size), torch.randn(size, size)]


def get_init_inputs():
    return []
