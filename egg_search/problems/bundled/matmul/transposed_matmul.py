"""A product of two matrices that both lie transposed in memory."""

import torch
from torch import nn

m = 512
k = 640
n = 384

PROFILES = {
    "cpu": {"m": 512, "k": 640, "n": 384},
    "gpu": {"m": 8192, "k": 4096, "n": 4096},
}


class Model(nn.Module):
    def forward(self, a, b):
        return a.T @ b.T


def get_inputs():
    return [torch.randn(k, m), torch.randn(n, k)]


def get_init_inputs():
    return []
