"""Mean hinge loss of scores against labels of plus and minus one."""

import torch
from torch import nn

samples = 6144
scores = 1024

PROFILES = {
    "cpu": {"samples": 6144, "scores": 1024},
    "gpu": {"samples": 131072, "scores": 2048},
}


class Model(nn.Module):
    def forward(self, score, label):
        return torch.clamp(1.0 - score * label, min=0.0).mean()


def get_inputs():
    return [torch.randn(samples, scores), torch.randint(0, 2, (samples, 1)).float() * 2.0 - 1.0]


def get_init_inputs():
    return []
