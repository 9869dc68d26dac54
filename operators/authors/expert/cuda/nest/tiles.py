"""Nests that read along another axis than they write: tiles change hands in shared memory."""

from __future__ import annotations

from math import prod

from operators.authors.expert.cuda.dtypes import STORAGE, loaded
from operators.authors.expert.cuda.expr import Emitter, Scope, is_plain
from operators.authors.expert.cuda.functions import Functions
from operators.authors.expert.cuda.nest.accesses import tiled, turned
from operators.authors.expert.cuda.nest.frame import index_kind
from operators.authors.expert.cuda.text import block, split
from operators.authors.expert.ir.graph import Node
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import quick_nodes
from operators.authors.expert.plan import KernelCode


def tiled_code(nest: Nest, out: Functions) -> KernelCode:
    """A block has a tile of TILE by TILE elements: what runs along `y` in memory is read along `y`, everything else and
    the results along `x`. A column more than the tile has keeps the banks of shared memory apart."""
    y, x = tiled(nest)
    across, along = (nest.rows.sizes[nest.rows.names.index(name)] for name in (y, x))
    scope = Scope(frozenset(nest.rows.names))
    emitter = _Turned(nest.graph, nest.nodes, scopes=[scope], quick=quick_nodes(nest), y=y, x=x)
    stores = [emitter.store(o, nest.output_place(o))[1] for o in nest.outputs]
    kind = index_kind(nest)
    body = [
        f"constexpr int TILES_Y = ({across} + TILE - 1) / TILE, TILES_X = ({along} + TILE - 1) / TILE;",
        f"const {kind} tile = blockIdx.x % (TILES_Y * TILES_X);",
        f"const {kind} first_y = tile / TILES_X * TILE, first_x = tile % TILES_X * TILE;",
        *_outer(nest, (y, x), kind),
    ]
    types = {name: STORAGE[nest.graph[n].dtype] for (n, _), name in emitter.tiles.items()}
    body += [f"__shared__ {each} {name}[TILE][TILE + 1];" for name, each in types.items()]
    reads = [f"{name}[b][a] = in{n}[{position.text}];" for (n, position), name in emitter.tiles.items()]
    body += _over(kind, (y, "a", across), (x, "b", along), reads)
    writes = [*scope.lines, *emitter.lines, *stores]
    body += ["__syncthreads();", *_over(kind, (y, "b", across), (x, "a", along), writes)]
    tiles = [f"_egg_blocks({size}, {out.value('TILE')})" for size in (across, along)]
    outer = nest.rows.numel // (across * along)
    grid = " * ".join([*([str(outer)] if outer > 1 else []), *tiles])
    out.add("tile", body, sorted(emitter.reads), nest.outputs, grid=f"({grid},)")
    return out.code(nest.outputs)


class _Turned(Emitter):
    """Loads that run along `y` come from tiles: (node's id, position) to the tile's name."""

    def __init__(self, *args, y: str, x: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.y, self.x = y, x
        self.tiles: dict[tuple[int, Index], str] = {}

    def loaded(self, node: Node, index: Place, position: Index) -> str:
        if not turned(position, self.y, self.x) or self._guards or not is_plain(position):
            return super().loaded(node, index, position)
        name = self.tiles.setdefault((node.id, position), f"tile{len(self.tiles)}")
        return loaded(f"{name}[a][b]", node.dtype)


def _over(kind: str, y: tuple[str, str, int], x: tuple[str, str, int], body: list[str]) -> list[str]:
    """`body` over the tile, `a` along neighbouring threads; a variable is (name, position in the tile, size)."""
    inside = [f"const {kind} {name} = first_{axis} + {at};" for axis, (name, at, _) in (("y", y), ("x", x))]
    guard = " && ".join(f"({size} % TILE == 0 || {name} < {size})" for name, _, size in (y, x))
    place = ["const int a = i % TILE, b = i / TILE;", *inside, *block(f"if ({guard})", body)]
    return ["#pragma unroll", *block("for (int i = threadIdx.x; i < TILE * TILE; i += THREADS)", place)]


def _outer(nest: Nest, inside: tuple[str, str], kind: str) -> list[str]:
    """Defines the variables that are the same for a whole tile."""
    rest = [(n, s) for n, s in zip(nest.rows.names, nest.rows.sizes, strict=True) if n not in inside]
    if not rest:
        return []
    names, sizes = zip(*rest, strict=True)
    lines = [f"const {kind} outer = blockIdx.x / (TILES_Y * TILES_X);"] if prod(sizes) else []
    return [*lines, *split("outer", names, sizes, kind)]
