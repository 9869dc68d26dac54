"""Tensors that a model keeps as plain attributes, such as a hidden state: torch.export sees what a forward writes only
where it goes into buffers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def as_buffers(model: torch.nn.Module) -> Iterator[None]:
    """While it lasts, such tensors of `model` are buffers of the same names."""
    found = [(module, name, value) for module in model.modules() for name, value in _plain(module)]
    for module, name, value in found:
        delattr(module, name)
        module.register_buffer(name, value, persistent=False)
    try:
        yield
    finally:
        for module, name, value in found:
            delattr(module, name)
            setattr(module, name, value)


def _plain(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [(name, value) for name, value in vars(module).items() if isinstance(value, torch.Tensor)]
