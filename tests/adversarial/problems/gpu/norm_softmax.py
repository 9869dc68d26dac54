"""Rows of 4 KiB, normalised and then a softmax of them: bound by memory."""

import torch
import torch.nn as nn

rows = 4096
features = 1024


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.norm = nn.LayerNorm(features)

    def forward(self, x):
        return torch.softmax(self.norm(x), dim=-1)


def get_inputs():
    return [torch.randn(rows, features)]


def get_init_inputs():
    return [features]
