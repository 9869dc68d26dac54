"""Mean Huber loss."""

import torch
import torch.nn.functional as F
from torch import nn

rows = 3072
cols = 1280
delta = 0.8

PROFILES = {
    "cpu": {"rows": 3072, "cols": 1280, "delta": 0.8},
    "gpu": {"rows": 65536, "cols": 4096, "delta": 0.8},
}


class Model(nn.Module):
    def __init__(self, delta):
        super().__init__()
        self.delta = delta

    def forward(self, prediction, target):
        return F.huber_loss(prediction, target, delta=self.delta)


def get_inputs():
    return [torch.randn(rows, cols), torch.randn(rows, cols)]


def get_init_inputs():
    return [delta]
