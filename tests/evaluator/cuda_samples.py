"""A problem for a GPU and honest candidates for it. Those that try to be faster than they are: `adversarial/gpu`."""

from __future__ import annotations

from evaluator_samples import candidate_of

ROWS = """
import torch
import torch.nn as nn

batch_size = 4096
dim = 1024


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.norm = nn.LayerNorm(features)

    def forward(self, x):
        return torch.softmax(self.norm(x), dim=-1)


def get_inputs():
    return [torch.randn(batch_size, dim)]


def get_init_inputs():
    return [dim]
"""
_TRITON = """
import triton
import triton.language as tl

@triton.jit
def rows(x, w, b, y, n, eps, BLOCK: tl.constexpr):
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    mask = columns < n
    value = tl.load(x + row * n + columns, mask=mask, other=0.0)
    centred = tl.where(mask, value - tl.sum(value, 0) / n, 0.0)
    value = centred / tl.sqrt(tl.sum(centred * centred, 0) / n + eps)
    value = value * tl.load(w + columns, mask=mask) + tl.load(b + columns, mask=mask)
    value = tl.where(mask, value, float("-inf"))
    raised = tl.exp(value - tl.max(value, 0))
    tl.store(y + row * n + columns, raised / tl.sum(raised, 0), mask=mask)
"""
_LAUNCH = """
y, n = torch.empty_like(x), x.shape[-1]
rows[(x.numel() // n,)](x, self.norm.weight, self.norm.bias, y, n, self.norm.eps, BLOCK=triton.next_power_of_2(n))
return y
"""
_RIGHT = "torch.softmax(self.norm(x), dim=-1)"


def _candidate(forward: str, before: str = ""):
    return candidate_of(forward, before, ROWS)


TORCH = _candidate(f"return {_RIGHT}")
TRITON = _candidate(_LAUNCH, _TRITON)
KNOBS = _candidate(
    _LAUNCH.replace(")\nreturn", ", num_warps=WARPS)\nreturn"),
    _TRITON + "\nWARPS = 4  # knob mapping: 2 | 4 | 8 | 16\n",
)
ALL = {"torch": TORCH, "triton": TRITON}
