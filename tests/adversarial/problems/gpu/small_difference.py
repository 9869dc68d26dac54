"""The difference of two products of nearly equal matrices: what remains shows the error of the arithmetic."""

import torch
import torch.nn as nn

batch = 4096
inputs = 768
outputs = 512


class Model(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))

    def forward(self, x, step):
        return (x + step) @ self.weight - x @ self.weight


def get_inputs():
    return [torch.randn(batch, inputs), 1e-3 * torch.randn(batch, inputs)]


def get_init_inputs():
    return [inputs, outputs]
