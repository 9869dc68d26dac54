"""Outputs that are views: work that is left to whoever reads them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

Strides = tuple[int, ...]


def put_off(outputs: Sequence[torch.Tensor], usual: Sequence[Strides]) -> float:
    """Seconds that copies take here of those outputs that lie in memory neither row by row nor as eager's do, by the
    strides `usual`: a transposed or an expanded view costs nothing where eager moves every element."""
    lazy = [
        output
        for output, strides in zip(outputs, usual, strict=False)
        if not output.is_contiguous() and _steps(output.shape, output.stride()) != _steps(output.shape, strides)
    ]
    before = time.perf_counter()
    for output in lazy:
        output.contiguous()
    return time.perf_counter() - before if lazy else 0.0


def _steps(shape: Sequence[int], strides: Strides) -> list[int]:
    """Strides that lead anywhere."""
    return [stride for size, stride in zip(shape, strides, strict=False) if size > 1]
