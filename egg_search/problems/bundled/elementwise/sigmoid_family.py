"""Saturating activations in one chain: tanh, sigmoid, softsign, log-sigmoid."""

import torch
import torch.nn.functional as F
from torch import nn

rows = 768
cols = 1024

PROFILES = {
    "cpu": {"rows": 768, "cols": 1024},
    "gpu": {"rows": 16384, "cols": 8192},
}


class Model(nn.Module):
    def forward(self, x):
        y = torch.tanh(x) - torch.sigmoid(0.5 * x)
        y = F.softsign(y * 3.0) + F.logsigmoid(x)
        return y * y


def get_inputs():
    return [torch.randn(rows, cols)]


def get_init_inputs():
    return []
