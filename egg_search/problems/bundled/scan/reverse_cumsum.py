"""Returns to go: the discounted rewards summed from the end."""

import torch
from torch import nn

episodes = 1280
steps = 2000

PROFILES = {
    "cpu": {"episodes": 1280, "steps": 2000},
    "gpu": {"episodes": 16384, "steps": 4096},
}


class Model(nn.Module):
    def forward(self, rewards, discount):
        weighted = rewards * discount
        return torch.flip(torch.cumsum(torch.flip(weighted, dims=(1,)), dim=1), dims=(1,))


def get_inputs():
    return [torch.randn(episodes, steps), torch.rand(steps)]


def get_init_inputs():
    return []
