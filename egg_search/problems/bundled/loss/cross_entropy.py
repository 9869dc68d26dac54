"""Mean cross-entropy of logits against class indices."""

import torch
import torch.nn.functional as F
from torch import nn

samples = 2048
classes = 2400

PROFILES = {
    "cpu": {"samples": 2048, "classes": 2400},
    "gpu": {"samples": 32768, "classes": 32000},
}


class Model(nn.Module):
    def forward(self, logits, labels):
        return F.cross_entropy(logits, labels)


def get_inputs():
    return [2.0 * torch.randn(samples, classes), torch.randint(0, classes, (samples,))]


def get_init_inputs():
    return []
