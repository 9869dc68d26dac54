"""Outputs whose elements nobody has written: work that is left to whoever reads them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch


def put_off(outputs: Sequence[torch.Tensor], borrowed: Sequence[bool], usual: Sequence[bool]) -> float:
    """Seconds that copies take here of those outputs that lie in the memory of an argument (`borrowed`) or have several
    elements in one place, where eager's own do not (`usual`): a view of an argument costs nothing where eager moves
    every element. Outputs in memory of their own may lie there in any order."""
    lazy = [
        output
        for output, inside, as_eager in zip(outputs, borrowed, usual, strict=False)
        if not as_eager and (inside or overlaps(output))
    ]
    before = time.perf_counter()
    for output in lazy:
        output.clone(memory_format=torch.contiguous_format)
    return time.perf_counter() - before if lazy else 0.0


def overlaps(x: torch.Tensor) -> bool:
    """Whether there is less memory than elements."""
    return x.numel() > 1 + sum((size - 1) * stride for size, stride in zip(x.shape, x.stride(), strict=True))


def shares(outputs: Sequence[torch.Tensor], arguments: Sequence[torch.Tensor]) -> tuple[bool, ...]:
    """Which of them lie in the memory of an argument, or overlap."""
    given = {_place(argument) for argument in arguments} - {None}
    return tuple(_strided(output) and (_place(output) in given or overlaps(output)) for output in outputs)


def _place(x: torch.Tensor) -> int | None:
    return (x.untyped_storage().data_ptr() or None) if _strided(x) else None


def _strided(x: torch.Tensor) -> bool:
    return x.layout is torch.strided
