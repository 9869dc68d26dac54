"""Copies of the factors in the order in which tiles read them, prologue done; of parameters alone, made once."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from operators.authors.expert.ir.graph import Node
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, linear, unravel, variable
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.nest.schedule import power

_TILE = 64
_WARPS = "4"


def copy_input(out: Functions, found: Convolution) -> None:
    """[images, *positions, channels], with as many zeros around as taps reach: reading it needs no conditions."""
    g = found.geometry
    padded = tuple(axis.padded for axis in g.axes)

    def place(batch: Index, wide: Index, deep: Index) -> Place:
        inside = (i - axis.low for i, axis in zip(unravel(wide, padded), g.axes, strict=True))
        return (batch, deep, *inside)

    shape = (g.images, prod(padded), g.channels)
    _copy(out, found, "packed_x", "copy the input by channels", shape, (found.input, found.plain_input), place)


def copy_weights(out: Functions, found: Convolution, by_taps: bool) -> None:
    """[groups, *taps, rows, channels], or [groups, rows, channels and taps]: contiguous along the depth."""
    g = found.geometry
    channels = () if by_taps else (g.group_channels,)

    def place(batch: Index, wide: Index, deep: Index) -> Place:
        *taps, row = unravel(wide, (*g.kernel, g.group_rows)) if by_taps else (wide,)
        channel, *taps = (deep, *taps) if by_taps else unravel(deep, (*channels, *g.kernel))
        outer, inner = (channel, row) if g.transposed else (row, channel)
        return (batch * (g.group_channels if g.transposed else g.group_rows) + outer, inner, *taps)

    wide = prod(g.kernel) * g.group_rows if by_taps else g.group_rows
    deep = g.group_channels if by_taps else g.group_channels * prod(g.kernel)
    shape = (g.groups, wide, deep)
    _copy(out, found, "packed_w", "copy weights by depth", shape, (found.weights, True), place)


def _copy(
    out: Functions,
    found: Convolution,
    name: str,
    told: str,
    shape: tuple[int, int, int],
    source: tuple[Node, bool],
    place: Callable[[Index, Index, Index], Place],
) -> None:
    """A function that stores the values of `source` (and whether they are plain) at `place` row-major as `shape`."""
    batches, wide, deep = shape
    sizes = {"WIDE": min(_TILE, power(wide)), "DEEP": min(_TILE, power(deep))}
    blocks = {
        "i": Block("WIDE", wide, SHAPES["i"], wide % sizes["WIDE"] == 0),
        "p": Block("DEEP", deep, SHAPES["p"], deep % sizes["DEEP"] == 0),
    }
    frame, body = Frame(blocks, found.wide), [f"# pass: {told}"]
    scope = Scope(frozenset(["batch", "i", "p"]), body)
    emitter = Emitter(found.graph, found.contraction.nodes, masks=frame.masks(), scopes=[scope])
    factors = Factors(emitter, found.dtype)
    emitter.hint = factors.filler
    tiles = {"TILES_W": str(-(-wide // sizes["WIDE"])), "TILES_P": str(-(-deep // sizes["DEEP"]))}
    body += [
        f"tile = {frame.program()}",
        *(["batch = tile // (TILES_W * TILES_P)"] if batches > 1 else []),
        *frame.defined("i", "tile % (TILES_W * TILES_P) // TILES_P * WIDE"),
        *frame.defined("p", "tile % TILES_P * DEEP"),
    ]
    index = variable("batch", batches), variable("i", wide), variable("p", deep)
    position = linear(index, shape)
    value, _ = factors.surrounded(*source, place(*index))
    body.append(f"tl.store({name} + {position.written('//')}, {value}{emitter.mask(position.uses)})")
    dtype, reads = found.dtype.value, sorted(emitter.reads)
    fixed = bool(reads) and all(found.graph[i].op == "state" for i in reads)
    out.scratch(name, str(prod(shape)), dtype, once=fixed)
    values = {**{role: str(size) for role, size in sizes.items()}, **tiles}
    grid = f"{batches} * {tiles['TILES_W']} * {tiles['TILES_P']}"
    out.add(name, body, values, grid, _WARPS, reads, (), {name: dtype}, fixed)
