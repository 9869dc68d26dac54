"""A product with a weight, a bias, and GELU."""

import torch
import torch.nn as nn

batch = 256
inner = 512
outer = 384


class Model(nn.Module):
    def __init__(self, inner, outer):
        super().__init__()
        self.linear = nn.Linear(inner, outer)

    def forward(self, x):
        return nn.functional.gelu(self.linear(x))


def get_inputs():
    return [torch.rand(batch, inner)]


def get_init_inputs():
    return [inner, outer]
