"""Softmax of scores where a boolean mask hides positions."""

import torch
from torch import nn

batch = 8
queries = 256
keys = 640

PROFILES = {
    "cpu": {"batch": 8, "queries": 256, "keys": 640},
    "gpu": {"batch": 64, "queries": 2048, "keys": 2048},
}


class Model(nn.Module):
    def forward(self, scores, hidden):
        return torch.softmax(scores.masked_fill(hidden, -1e9), dim=-1)


def get_inputs():
    hidden = torch.rand(batch, 1, keys) < 0.3
    return [torch.randn(batch, queries, keys), hidden]


def get_init_inputs():
    return []
