"""A step with momentum: the momentum, an argument, is updated in place."""

import torch
import torch.nn as nn

rows = 400
columns = 600


class Model(nn.Module):
    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, weight, gradient, momentum):
        momentum.mul_(0.9).add_(gradient)
        return weight - self.rate * momentum


def get_inputs():
    return [torch.randn(rows, columns), torch.randn(rows, columns), torch.randn(rows, columns)]


def get_init_inputs():
    return [0.05]
