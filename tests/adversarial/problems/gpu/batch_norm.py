"""Batch normalisation in training mode: buffers move with every call."""

import torch
import torch.nn as nn

batch = 16
channels = 48
size = 48


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(self.bn(x))


def get_inputs():
    return [torch.randn(batch, channels, size, size)]


def get_init_inputs():
    return [channels]
