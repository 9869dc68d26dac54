"""RMS norm, a SwiGLU feed-forward and the residual."""

import torch
import torch.nn.functional as F
from torch import nn

tokens = 256
width = 256
hidden = 640

PROFILES = {
    "cpu": {"tokens": 256, "width": 256, "hidden": 640},
    "gpu": {"tokens": 8192, "width": 4096, "hidden": 11008},
}


class Model(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        y = F.rms_norm(x, (x.shape[-1],), self.weight, 1e-6)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def get_inputs():
    return [torch.randn(tokens, width)]


def get_init_inputs():
    return {"width": width, "hidden": hidden}
