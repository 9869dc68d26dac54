"""Triplet margin loss of embeddings."""

import torch
from torch import nn

samples = 5120
features = 640
margin = 0.6

PROFILES = {
    "cpu": {"samples": 5120, "features": 640, "margin": 0.6},
    "gpu": {"samples": 131072, "features": 1024, "margin": 0.6},
}


class Model(nn.Module):
    def __init__(self, margin):
        super().__init__()
        self.loss = nn.TripletMarginLoss(margin=margin)

    def forward(self, anchor, positive, negative):
        return self.loss(anchor, positive, negative)


def get_inputs():
    anchor = torch.randn(samples, features)
    return [anchor, anchor + 1.4 * torch.randn(samples, features), torch.randn(samples, features)]


def get_init_inputs():
    return [margin]
