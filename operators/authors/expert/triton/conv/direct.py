"""A convolution of few channels a group without tensor cores: every tap of a tile of planes, added in float32."""

from __future__ import annotations

from math import prod

from operators.authors.expert.kernels.index import unravel, variable
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.conv.geometry import Geometry
from operators.authors.expert.triton.conv.planes import Planes
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.text import loop

UNROLLED = 64  # steps of the depth at most that are written out


def direct(out: Functions, found: Convolution) -> None:
    """One row of sums a thread."""
    g, planes = found.geometry, Planes(out, found, found.geometry.positions)
    planes.start("convolve")
    planes.body += positions.outputs(g, 1)
    planes.body += ["acc = tl.zeros([PLANES, BLOCK], tl.float32)", *_sum(found, planes.emitter)]
    # By i, if that keeps neighbours visible.
    planes.finish(unravel(variable("i", g.positions), g.counts) if g.phases == 1 else [axis.y for axis in g.axes])
    planes.add()


def _sum(found: Convolution, emitter: Emitter) -> list[str]:
    """Adds every channel of the group at every tap to `acc`."""
    g = found.geometry
    outer, inside = emitter.scopes[0], frozenset(["ch", *(f"u{axis.number}" for axis in g.axes)])
    scope, factors = Scope(outer.variables | inside), Factors(emitter, found.dtype)
    emitter.scopes, emitter.hint = [outer, scope], factors.filler
    row, channel, u = variable("row", g.rows), variable("ch", g.group_channels), [axis.u for axis in g.axes]
    group = row // g.group_rows
    place = found.input_place(variable("image", g.images), group, channel, u)
    value, _ = factors.surrounded(found.input, found.plain_input, place)
    weight = emitter.value(found.weights.id, found.weights_place(group, row % g.group_rows, channel, u))
    emitter.scopes, emitter.hint = [outer], lambda node, position: ""
    emitter.forget(inside)
    count = positions.tap_count(g)
    body = [*_walk(g, count), *scope.lines, f"acc += {value} * {weight}"]
    steps = count if g.group_channels == 1 else f"{count} * {g.group_channels}"
    written_out = g.phases == 1 and g.group_channels * prod(g.taps) <= UNROLLED
    return loop(f"step in tl.{'static_range' if written_out else 'range'}({steps})", body)


def _walk(g: Geometry, count: str) -> list[str]:
    """Channel and tap of a step."""
    lines = [f"ch = step // ({count})"] if g.group_channels > 1 else []
    if prod(g.taps) > 1:
        lines += [f"tap = step % ({count})" if g.group_channels > 1 else "tap = step", *positions.taps(g)]
    return lines
