"""Copies of the factors in the order in which tiles read them, prologue done, whole or in pieces; of parameters alone,
made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from operators.authors.expert.ir.graph import Node
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, linear, unravel, variable
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul import pieces
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.nest.schedule import power

_TILE = 64
_WARPS = "4"


def input_copy(out: Functions, found: Convolution) -> Copy:
    """[images, *positions, channels], with as many zeros around as taps reach: reading it needs no conditions. Scaled
    by images."""
    g = found.geometry
    padded = tuple(axis.padded for axis in g.axes)

    def place(batch: Index, wide: Index, deep: Index) -> Place:
        inside = (i - axis.low for i, axis in zip(unravel(wide, padded), g.axes, strict=True))
        return (batch, deep, *inside)

    def row(batch: Index, wide: Index) -> Index:
        return batch

    shape = (g.images, prod(padded), g.channels)
    return Copy(out, found, "x", "the input by channels", shape, (found.input, found.plain_input), place, row, g.images)


def weights_copy(out: Functions, found: Convolution, by_taps: bool) -> Copy:
    """[groups, *taps, rows, channels], or [groups, rows, channels and taps]: contiguous along the depth. Scaled by
    rows."""
    g = found.geometry
    channels = () if by_taps else (g.group_channels,)

    def place(batch: Index, wide: Index, deep: Index) -> Place:
        *taps, row = unravel(wide, (*g.kernel, g.group_rows)) if by_taps else (wide,)
        channel, *taps = (deep, *taps) if by_taps else unravel(deep, (*channels, *g.kernel))
        outer, inner = (channel, row) if g.transposed else (row, channel)
        return (batch * (g.group_channels if g.transposed else g.group_rows) + outer, inner, *taps)

    def row(batch: Index, wide: Index) -> Index:
        own = unravel(wide, (*g.kernel, g.group_rows))[-1] if by_taps else wide
        return batch * g.group_rows + own

    wide = prod(g.kernel) * g.group_rows if by_taps else g.group_rows
    deep = g.group_channels if by_taps else g.group_channels * prod(g.kernel)
    shape = (g.groups, wide, deep)
    return Copy(out, found, "w", "weights by depth", shape, (found.weights, True), place, row, g.rows)


@dataclass
class Copy:
    """The values of `source` (and whether they are plain) at `place`, row-major as `shape`. `row` tells by which of so
    many `rows` exponents an element is scaled."""

    out: Functions
    found: Convolution
    name: str
    told: str
    shape: tuple[int, int, int]
    source: tuple[Node, bool]
    place: Callable[[Index, Index, Index], Place]
    row: Callable[[Index, Index], Index]
    rows: int

    def pack(self) -> None:
        """Stores the copy as `packed_<name>`."""
        self._begin(f"copy {self.told}")
        pointer, dtype, position = f"packed_{self.name}", self.found.dtype.value, self._position()
        value = self._value()
        self.body.append(f"tl.store({pointer} + {position.written('//')}, {value}{self.emitter.mask(position.uses)})")
        self._scratch(pointer, str(prod(self.shape)), dtype)
        self._add(pointer, {pointer: dtype})

    def split(self) -> None:
        """Stores the copy as `pieces_<name>`, scaled by powers of two whose exponents are `exponents_<name>`."""
        self._measure()
        self._begin(f"split {self.told}")
        own, row, pointer, type_ = self.out.name, self._row(), f"pieces_{self.name}", pieces.storage(self.out.name)
        exponent = pieces.exponents(f"exponents_{self.name}", row, self.emitter.mask(row.uses))
        self.body.append(f"exponent = {exponent}")
        self.body.append(f"rest = {pieces.scaled(self._full(), 'exponent')}")
        mask = self.emitter.mask(frozenset(self.emitter.masks))
        self.body += pieces.cut(pointer, prod(self.shape), self._position(), mask)
        self._scratch(pointer, f"{pieces.values(own)['PIECES']} * {prod(self.shape)}", type_)
        self._add(f"split_{self.name}", {f"exponents_{self.name}": "int32", pointer: type_}, pieces.values(own))

    def _measure(self) -> None:
        """Finds the exponent of the largest finite element of every row."""
        self._begin(f"largest exponents of {self.told}")
        pointer, row = f"exponents_{self.name}", self._row()
        found = pieces.largest(self._full(), [*self.emitter.masks.values()])
        alone = "i" not in row.uses
        largest = f"tl.max(tl.max({found}, 1), 0)" if alone else f"tl.max({found}, 1, keep_dims=True)"
        places = f"{pointer} + {row.written('//')}"
        self.body += [
            f"exponent = {largest}",
            f"places = {places if alone else f'tl.broadcast_to({places}, [WIDE, 1])'}",
            f"tl.atomic_max(places, exponent{self.emitter.mask(row.uses)}, sem='relaxed')",
        ]
        self._scratch(pointer, str(self.rows), "int32", "zeros")
        self._add(f"measure_{self.name}", {pointer: "int32"})

    def _begin(self, told: str) -> None:
        batches, wide, deep = self.shape
        self.sizes = {"WIDE": min(_TILE, power(wide)), "DEEP": min(_TILE, power(deep))}
        blocks = {
            "i": Block("WIDE", wide, SHAPES["i"], wide % self.sizes["WIDE"] == 0),
            "p": Block("DEEP", deep, SHAPES["p"], deep % self.sizes["DEEP"] == 0),
        }
        frame = Frame(blocks, self.found.wide)
        self.body = [f"# pass: {told}"]
        scope = Scope(frozenset(["batch", "i", "p"]), self.body)
        self.emitter = Emitter(self.found.graph, self.found.contraction.nodes, masks=frame.masks(), scopes=[scope])
        self.factors = Factors(self.emitter, self.found.dtype)
        self.emitter.hint = self.factors.filler
        self.index = variable("batch", batches), variable("i", wide), variable("p", deep)
        self.body += [
            f"tile = {frame.program()}",
            *(["batch = tile // (TILES_W * TILES_P)"] if batches > 1 else []),
            *frame.defined("i", "tile % (TILES_W * TILES_P) // TILES_P * WIDE"),
            *frame.defined("p", "tile % TILES_P * DEEP"),
        ]

    def _position(self) -> Index:
        return linear(self.index, self.shape)

    def _row(self) -> Index:
        return self.row(*self.index[:2])

    def _value(self) -> str:
        return self.factors.surrounded(*self.source, self.place(*self.index))[0]

    def _full(self) -> str:
        """The elements of the tile, all of them: what does not vary along an axis is repeated."""
        self.body.append(f"value = tl.zeros([WIDE, DEEP], tl.float32) + {self._value()}")
        return "value"

    @property
    def _once(self) -> bool:
        reads = self.emitter.reads
        return bool(reads) and all(self.found.graph[i].op == "state" for i in reads)

    def _scratch(self, name: str, size: str, dtype: str, make: str = "empty") -> None:
        self.out.scratch(name, size, dtype, make, once=self._once)

    def _add(self, suffix: str, scratch: dict[str, str], values: dict[str, str] | None = None) -> None:
        batches, wide, deep = self.shape
        tiles = {"TILES_W": str(-(-wide // self.sizes["WIDE"])), "TILES_P": str(-(-deep // self.sizes["DEEP"]))}
        constants = {**{role: str(size) for role, size in self.sizes.items()}, **tiles, **(values or {})}
        grid, reads = f"{batches} * {tiles['TILES_W']} * {tiles['TILES_P']}", sorted(self.emitter.reads)
        self.out.add(suffix, self.body, constants, grid, _WARPS, reads, (), scratch, self._once)
