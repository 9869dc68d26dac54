"""A pre-norm transformer block: causal attention and a GELU feed-forward."""

import torch
import torch.nn.functional as F
from torch import nn

batch = 2
length = 192
width = 192
heads = 6
expansion = 4

PROFILES = {
    "cpu": {"batch": 2, "length": 192, "width": 192, "heads": 6, "expansion": 4},
    "gpu": {"batch": 8, "length": 2048, "width": 2048, "heads": 16, "expansion": 4},
}


class Model(nn.Module):
    def __init__(self, width, heads, expansion):
        super().__init__()
        self.heads = heads
        self.norm_1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, expansion * width)
        self.down = nn.Linear(expansion * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


def get_inputs():
    return [torch.randn(batch, length, width)]


def get_init_inputs():
    return [width, heads, expansion]
