"""Transcendental functions, a selection and a power on two broadcast inputs."""

import torch
from torch import nn

points = 640
frequencies = 512

PROFILES = {
    "cpu": {"points": 640, "frequencies": 512},
    "gpu": {"points": 16384, "frequencies": 4096},
}


class Model(nn.Module):
    def forward(self, time, frequency, amplitude):
        phase = time * frequency
        wave = torch.where(phase > 1.0, torch.sin(phase), torch.cos(phase)) * amplitude
        return torch.log1p(wave.abs()) + torch.sqrt(wave * wave + 1e-3) * torch.exp(-phase) + torch.pow(wave, 3)


def get_inputs():
    return [torch.rand(points, 1), 4.0 * torch.rand(1, frequencies), torch.randn(points, frequencies)]


def get_init_inputs():
    return []
