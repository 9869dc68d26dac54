"""A batch of products, scaled, plus a batch of matrices."""

import torch
from torch import nn

batch = 24
m = 160
k = 96
n = 224
alpha = 0.25

PROFILES = {
    "cpu": {"batch": 24, "m": 160, "k": 96, "n": 224, "alpha": 0.25},
    "gpu": {"batch": 256, "m": 1024, "k": 512, "n": 1024, "alpha": 0.25},
}


class Model(nn.Module):
    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha

    def forward(self, a, b, c):
        return torch.bmm(a, b) * self.alpha + c


def get_inputs():
    return [torch.randn(batch, m, k), torch.randn(batch, k, n), torch.randn(batch, m, n)]


def get_init_inputs():
    return [alpha]
