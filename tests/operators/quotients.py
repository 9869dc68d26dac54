"""Quotients and exponentials that kernels may make quick or rounded, of denormal and of large divisors."""

import torch


def _data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


_TINY_TO_HUGE = torch.tensor([[1e-39], [3e-41], [1.0], [3e38]])
VALUES = _data(4, 96).sign() * (1 + _data(4, 96, seed=1).abs()) * _TINY_TO_HUGE
FUNCTIONS = {
    "rows": lambda x: x / x.abs().mean(-1, keepdim=True),
    "elements": lambda x: 1.0 / (x + 3.0 * x.sign()) + x / (x * x + 1e-38),
    "number": lambda x: torch.exp(torch.sigmoid(x)) / 0.7,
}


def quotients(case):
    """By name; `case` makes one of a function, its input and decisions."""
    return {
        f"{name} {quick}": case(function, VALUES, quick_division=quick, quick_exponential=quick)
        for name, function in FUNCTIONS.items()
        for quick in (0, 1)
    }
