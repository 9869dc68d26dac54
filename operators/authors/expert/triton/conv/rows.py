"""A convolution of few channels a group that keeps rows of sums in registers: an element of the input is read once for
all of them, where `direct` reads it once a tap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import ceil, prod

from operators.authors.expert.kernels.index import Index, unravel, variable
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.conv.geometry import Axis, Geometry
from operators.authors.expert.triton.conv.planes import Planes
from operators.authors.expert.triton.expr import Emitter
from operators.authors.expert.triton.matmul.functions import Functions

_MOST = 128  # multiply-adds that are written out


def rows_of(g: Geometry) -> int:
    """How many rows of sums a thread keeps; 0 where rows share nothing, or would be too much text. A row runs along the
    last axis, and the next one lies along the axis before it."""
    if g.phases > 1 or len(g.axes) < 2:
        return 0
    axis, each = g.axes[-2], prod(g.taps) * g.group_channels
    counts = (rows for rows in (4, 2) if rows <= axis.count and rows * each <= _MOST)
    return next((rows for rows in counts if len(_shared(axis, rows)) < rows * axis.taps), 0)


def blocks_of(g: Geometry) -> tuple[int, ...]:
    """Positions along each axis where so many rows are one."""
    counts = [*g.counts]
    counts[-2] = ceil(counts[-2] / rows_of(g))
    return tuple(counts)


def _shared(axis: Axis, rows: int) -> dict[int, list[tuple[int, int]]]:
    """By the distance of an input row from that of the first tap of the first output row: (output row, tap)."""
    found: dict[int, list[tuple[int, int]]] = {}
    for row, tap in product(range(rows), range(axis.taps)):
        found.setdefault(row * axis.along + tap * axis.between, []).append((row, tap))
    return dict(sorted(found.items()))


def by_rows(out: Functions, found: Convolution) -> None:
    """Several rows of sums a thread: a position is one of each."""
    g, rows, counts = found.geometry, rows_of(found.geometry), blocks_of(found.geometry)
    planes = Planes(out, found, prod(counts))
    first = replace(g.axes[-2], out=g.counts[-2] - rows + 1)  # where the first of the rows may lie
    axes = (*g.axes[:-2], first, g.axes[-1])
    planes.start(f"convolve {rows} rows")
    planes.body += _places(axes, counts, rows, ragged=g.counts[-2] % rows > 0)
    planes.body += [f"acc{row} = tl.zeros([PLANES, BLOCK], tl.float32)" for row in range(rows)]
    _sum(found, axes, rows, planes.emitter, planes.body)
    for row in range(rows):
        y = [axis.y for axis in axes]
        y[-2] = y[-2] + row
        planes.finish(y, str(row))
    planes.add()


def _places(axes: Sequence[Axis], counts: tuple[int, ...], rows: int, ragged: bool) -> list[str]:
    """Splits i; the last rows are computed twice where their number does not divide the axis."""
    lines = []
    for number, digit in enumerate(unravel(variable("i", prod(counts)), counts)):
        axis, text = axes[number], digit.written("//")
        if number == len(axes) - 2:
            text = (digit * rows).written("//")
            text = f"tl.minimum({text}, {axis.count - 1})" if ragged else text
        lines += [f"y{axis.number} = {text}"] if axis.count > 1 else []
    return lines


def _sum(found: Convolution, axes: Sequence[Axis], rows: int, emitter: Emitter, body: list[str]) -> None:
    """Adds each element of the input to all sums that it is part of."""
    g, factors = found.geometry, Factors(emitter, found.dtype)
    emitter.hint = factors.filler
    image, row = variable("image", g.images), variable("row", g.rows)
    group = row // g.group_rows
    others = [range(axis.taps) for axis in axes]
    others[-2] = range(1)
    for channel, (distance, sums) in product(range(g.group_channels), _shared(axes[-2], rows).items()):
        for taps in product(*others):
            at = [axis.position(Index(constant=tap)) for axis, tap in zip(axes, taps, strict=True)]
            at[-2] = at[-2] + distance
            where = (image, group * g.group_channels + channel, *at)
            value, _ = factors.surrounded(found.input, found.plain_input, where)
            for kept, tap in sums:
                u = [Index(constant=each) for each in (*taps[:-2], tap, taps[-1])]
                place = found.weights_place(group, row % g.group_rows, Index(constant=channel), u)
                body.append(f"acc{kept} += {value} * {emitter.value(found.weights.id, place)}")
    emitter.hint = lambda node, position: ""
