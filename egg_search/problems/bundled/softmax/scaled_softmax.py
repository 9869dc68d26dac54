"""Softmax over long rows with a temperature."""

import torch
from torch import nn

rows = 1280
cols = 4096
temperature = 0.7

PROFILES = {
    "cpu": {"rows": 1280, "cols": 4096, "temperature": 0.7},
    "gpu": {"rows": 8192, "cols": 16384, "temperature": 0.7},
}


class Model(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, x):
        return torch.softmax(x / self.temperature, dim=-1)


def get_inputs():
    return [torch.randn(rows, cols)]


def get_init_inputs():
    return [temperature]
