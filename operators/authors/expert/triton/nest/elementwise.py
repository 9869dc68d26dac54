"""Nests without reductions: one block of elements a program, or a tile where something is read across the result."""

from __future__ import annotations

from math import prod

from operators.authors.expert.kernels.index import unravel, variable
from operators.authors.expert.kernels.nest.access import transposes
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import quick_nodes
from operators.authors.expert.kernels.nest.trace import positions
from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.nest.frame import program
from operators.authors.expert.triton.nest.functions import Functions


def tiled_functions(out: Functions, wide: bool) -> KernelCode:
    """One function for tiles of Y by X elements: reads run along Y, results along X, both contiguous."""
    nest = out.nest
    (y, across), (x, along) = (_sized(nest, name) for name in tiled(nest))
    body, masks = [], {}
    body += _outer(nest, (y, x), f"{program(wide)} // (TILES_Y * TILES_X)")
    body.append(f"tile = {program(wide)} % (TILES_Y * TILES_X)")
    for name, first, size, role, shape in (
        (y, "tile // TILES_X * Y", across, "tile_y", "Y)[:, None]"),
        (x, "tile % TILES_X * X", along, "tile_x", "X)[None, :]"),
    ):
        body.append(f"{name} = {first} + tl.arange(0, {shape}")
        if not out.settings.divides(role, size):
            masks[name] = f"in_{name}"
            body.append(f"in_{name} = {name} < {size}")
    scopes = [Scope(frozenset(nest.rows.names), body)]
    emitter = Emitter(nest.graph, nest.nodes, masks=masks, scopes=scopes, quick=quick_nodes(nest))
    body += [emitter.store(o, nest.output_place(o)) for o in nest.outputs]
    tiles = {
        "TILES_Y": f"triton.cdiv({across}, {out.constant('tile_y')})",
        "TILES_X": f"triton.cdiv({along}, {out.constant('tile_x')})",
    }
    grid = f"({nest.rows.numel // (across * along)} * {' * '.join(tiles.values())},)"
    out.add("kernel", body, sorted(emitter.reads), nest.outputs, grid=grid, values=tiles)
    return out.code()


def _sized(nest: Nest, name: str) -> tuple[str, int]:
    return name, nest.rows.sizes[nest.rows.names.index(name)]


def _outer(nest: Nest, inside: tuple[str, str], position: str) -> list[str]:
    """Defines the variables that are the same for a whole tile."""
    names = [n for n in nest.rows.names if n not in inside]
    if not names:
        return []
    sizes = [_sized(nest, n)[1] for n in names]
    split = unravel(variable("outer", prod(sizes)), sizes)
    return [f"outer = {position}", *(f"{n} = {i.written('//')}" for n, i in zip(names, split, strict=True))]


def tiled(nest: Nest) -> tuple[str, str]:
    """The variables of a tile: the one that something is read along contiguously, and the one that results are."""
    *outer, lane = nest.rows.names
    for position in positions(nest):
        if position.coefficient(lane) not in (0, 1, None):
            for name in outer:
                if position.coefficient(name) == 1:
                    return name, lane
    raise ValueError("nothing is transposed")


def is_tiled(nest: Nest) -> bool:
    return transposes(nest) and not nest.totals
