"""The SwiGLU gate on a fused projection's two halves."""

import torch
import torch.nn.functional as F
from torch import nn

tokens = 1536
hidden = 1792

PROFILES = {
    "cpu": {"tokens": 1536, "hidden": 1792},
    "gpu": {"tokens": 16384, "hidden": 11008},
}


class Model(nn.Module):
    def forward(self, x):
        gate, value = torch.chunk(x, 2, dim=-1)
        return F.silu(gate) * value


def get_inputs():
    return [torch.randn(tokens, 2 * hidden)]


def get_init_inputs():
    return []
