"""A multilayer perceptron of three layers."""

import torch
from torch import nn

batch = 384
width_in = 320
hidden = 512
width_out = 64

PROFILES = {
    "cpu": {"batch": 384, "width_in": 320, "hidden": 512, "width_out": 64},
    "gpu": {"batch": 16384, "width_in": 4096, "hidden": 8192, "width_out": 1024},
}


class Model(nn.Module):
    def __init__(self, width_in, hidden, width_out):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width_in, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, width_out)
        )

    def forward(self, x):
        return self.layers(x)


def get_inputs():
    return [torch.randn(batch, width_in)]


def get_init_inputs():
    return [width_in, hidden, width_out]
