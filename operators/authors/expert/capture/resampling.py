"""Images made larger or smaller by their nearest neighbours or linearly."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Term

Sizes = Sequence[int] | None
Factors = Sequence[float] | None


@lowers("upsample_nearest1d.vec", "upsample_nearest2d.vec", "upsample_nearest3d.vec", wide=False)
def nearest(call: Call, x: Term, size: Sizes, factors: Factors) -> Term:
    """By whole factors, up or down: repetitions and steps."""
    for axis, factor in _axes(x, factors):
        x = _nearest(x, axis, call.type.shape[axis], factor)
    return x


@lowers("upsample_linear1d.vec", "upsample_bilinear2d.vec", "upsample_trilinear3d.vec")
def linear(call: Call, x: Term, size: Sizes, align_corners: bool, factors: Factors) -> Term:
    for axis, factor in _axes(x, factors):
        x = _linear(call, x, axis, call.type.shape[axis], align_corners, factor)
    return x


def _axes(x: Term, factors: Factors) -> list[tuple[int, float | None]]:
    spatial = x.rank - 2
    return list(zip(range(2, x.rank), factors or [None] * spatial, strict=True))


def _nearest(x: Term, axis: int, out: int, factor: float | None) -> Term:
    size = x.shape[axis]
    step = torch.tensor(1 / factor if factor else size / out, dtype=torch.float32)
    read = (torch.arange(out, dtype=torch.float32) * step).long().clamp(max=size - 1)  # rounded as torch does
    if out % size == 0:
        need(torch.equal(read, torch.arange(out) // (out // size)))
        shape = [*x.shape[: axis + 1], out // size, *x.shape[axis + 1 :]]
        return x.unsqueeze(axis + 1).broadcast(shape).reshape([*x.shape[:axis], out, *x.shape[axis + 1 :]])
    need(torch.equal(read, torch.arange(out) * (size // out)))
    return x.slice(axis, 0, out, size // out)


def _linear(call: Call, x: Term, axis: int, out: int, align_corners: bool, factor: float | None) -> Term:
    """Two neighbours, weighted by how near they are."""
    size, dtype = x.shape[axis], x.dtype
    need(dtype.is_float)
    if size == out:
        need(align_corners or factor in (None, 1.0))  # else devices disagree
        return x
    position = call.terms.iota((out,), 0).cast(dtype)
    if align_corners:
        position = position * ((size - 1) / (out - 1) if out > 1 else 0.0)
    else:
        position = ((position + 0.5) * (1 / factor if factor else size / out) - 0.5).max(0.0)
    low = position.cast(DType.I64).min(size - 1)
    share = (position - low.cast(dtype)).reshape([out] + [1] * (x.rank - axis - 1))
    below, above = x.take(low, axis), x.take((low + 1).min(size - 1), axis)
    return below + (above - below) * share
