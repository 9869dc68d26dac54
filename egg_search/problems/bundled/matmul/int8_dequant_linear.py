"""A linear layer whose weight is int8 with a scale per output row."""

import torch
import torch.nn.functional as F
from torch import nn

tokens = 384
width = 640
hidden = 512

PROFILES = {
    "cpu": {"tokens": 384, "width": 640, "hidden": 512},
    "gpu": {"tokens": 4096, "width": 8192, "hidden": 8192},
}


class Model(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.register_buffer("weight", torch.randint(-127, 128, (hidden, width), dtype=torch.int8))
        self.register_buffer("scale", (0.5 + torch.rand(hidden, 1)) / 127)

    def forward(self, x):
        return F.linear(x, self.weight.float() * self.scale)


def get_inputs():
    return [torch.randn(tokens, width)]


def get_init_inputs():
    return [width, hidden]
