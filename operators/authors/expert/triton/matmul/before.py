"""What is done with factors before they are multiplied: copies that are contiguous along the depth, whole or in pieces,
and a look for infinities where zeros are to be skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.index import Index, linear, variable
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul import pieces
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.pieces import Form
from operators.authors.expert.triton.matmul.product import Side
from operators.authors.expert.triton.nest.schedule import power

_TILE = 64
_WARPS = 4
# Elements of a tile that holds whole rows: enough where rows are short, and the most that registers have room for.
_HELD, _MOST_HELD = 1 << 13, 1 << 15
_SECTOR = 8  # neighbours that memory fetches together


class Around(Protocol):
    """What multiplies a factor: its graph, its nodes, and whether positions in some tensor exceed 32 bits."""

    @property
    def graph(self) -> Graph: ...

    @property
    def nodes(self) -> tuple[int, ...]: ...

    @property
    def wide(self) -> bool: ...


def split(out: Functions, around: Around, side: Side, form: Form) -> None:
    """Stores a factor in pieces, scaled: read once where registers hold its rows, else twice."""
    held = _held(side)
    if held is not None:
        Factors(out, around, side, held).split_held(form)
        return
    Factors(out, around, side).measure()
    Factors(out, around, side).split(form)


def _held(side: Side) -> tuple[int, int] | None:
    """The tile of whole rows that one program holds; None where they are too long, or memory would be read in parts of
    what it fetches together."""
    deep, least = power(side.factor.depth), 1 if side.deep else _SECTOR
    wide = min(power(side.factor.width), max(least, min(_TILE, _HELD // deep)))
    most = _MOST_HELD if least > 1 else _MOST_HELD // 2
    return (wide, deep) if wide * deep <= most else None


class Factors:
    """A function over the elements of one factor, tile by tile, `tile` being how wide and deep if that is not to be
    small. What it makes of state alone is kept."""

    def __init__(self, out: Functions, around: Around, side: Side, tile: tuple[int, int] | None = None) -> None:
        self.out, self.side, self.factor = out, side, side.factor
        name, width, depth = self.factor.name, self.factor.width, self.factor.depth
        wide, deep = tile or (min(_TILE, power(width)), min(_TILE, power(depth)))
        self.sizes = {"WIDE": wide, "DEEP": deep}
        self._warps = max(_WARPS, min(16, wide * deep // 1024)) if tile else _WARPS
        blocks = {
            name: Block("WIDE", width, SHAPES["i"], width % self.sizes["WIDE"] == 0),
            "p": Block("DEEP", depth, SHAPES["p"], depth % self.sizes["DEEP"] == 0),
        }
        frame = Frame(blocks, around.wide)
        self.body: list[str] = []
        scope = Scope(frozenset(["batch", name, "p"]), self.body)
        self.emitter = Emitter(around.graph, around.nodes, masks=frame.masks(), scopes=[scope])
        self.index = (variable("batch", self.factor.batches), variable(name, width), variable("p", depth))
        self._start = [
            f"tile = {frame.program()}",
            *(["batch = tile // (TILES_W * TILES_P)"] if self.factor.batches > 1 else []),
            *frame.defined(name, "tile % (TILES_W * TILES_P) // TILES_P * WIDE"),
            *frame.defined("p", "tile % TILES_P * DEEP"),
        ]

    def pack(self) -> None:
        """Stores the factor, prologue done, contiguous along the depth."""
        name, dtype, position = f"packed_{self.factor.name}", self.factor.node.dtype.value, self._position()
        self._begin(f"copy {self.factor.name} by depth")
        value = self._value()
        mask = self.emitter.mask(position.uses)
        self.body.append(f"tl.store({name} + {position.written('//')}, {value}{mask})")
        self.out.scratch(name, str(self._elements), dtype, once=self.side.fixed)
        self._add(name, {name: dtype}, once=self.side.fixed)

    def measure(self) -> None:
        """Finds the exponent of the largest finite element of every row along the depth."""
        name, position = f"exponents_{self.factor.name}", self._row()
        self._begin(f"largest exponents of {self.factor.name}")
        found = pieces.largest(self._full(), [*self.emitter.masks.values()])
        self.body += [
            f"exponent = tl.max({found}, 1, keep_dims=True)",
            f"places = tl.broadcast_to({name} + {position.written('//')}, [WIDE, 1])",
            f"tl.atomic_max(places, exponent{self.emitter.mask(position.uses)}, sem='relaxed')",
        ]
        rows = str(self.factor.batches * self.factor.width)
        self.out.scratch(name, rows, "int32", "zeros", once=self.side.fixed)
        self._add(f"measure_{self.factor.name}", {name: "int32"}, once=self.side.fixed)

    def split(self, form: Form) -> None:
        """Stores the factor in pieces, scaled as it was measured."""
        row = self._row()
        self._begin(f"split {self.factor.name} by depth")
        exponent = pieces.exponents(f"exponents_{self.factor.name}", row, self.emitter.mask(row.uses))
        self.body.append(f"exponent = {exponent}")
        self._cut(self._full(), form)

    def split_held(self, form: Form) -> None:
        """Measures whole rows and stores them in pieces, scaled."""
        name, row = f"exponents_{self.factor.name}", self._row()
        self._begin(f"measure and split {self.factor.name} by depth")
        found = pieces.largest(self._full(), [*self.emitter.masks.values()])
        self.body += [
            f"exponent = tl.max({found}, 1, keep_dims=True)",
            f"places = tl.broadcast_to({name} + {row.written('//')}, [WIDE, 1])",
            f"tl.store(places, exponent{self.emitter.mask(row.uses)})",
            f"exponent = {pieces.scalable('exponent')}",
        ]
        self.out.scratch(name, str(self.factor.batches * self.factor.width), "int32", once=self.side.fixed)
        self._cut("value", form)

    def _cut(self, value: str, form: Form) -> None:
        """Stores `value` in pieces, scaled by `exponent`."""
        name, position = f"pieces_{self.factor.name}", self._position()
        self.body.append(f"rest = {pieces.scaled(value, 'exponent')}")
        self.body += pieces.cut(name, self._elements, position, self.emitter.mask(frozenset(self.emitter.masks)))
        self.out.scratch(name, f"{form.values['PIECES']} * {self._elements}", form.type, once=self.side.fixed)
        scratch = {f"exponents_{self.factor.name}": "int32", name: form.type}
        self._add(f"split_{self.factor.name}", scratch, form.values, self.side.fixed)

    def look(self) -> None:
        """Sets the flag `infinite` if an element is no finite number."""
        self._begin(f"look for infinities in {self.factor.name}")
        value = self._value()
        bad = f"({value} - {value} != 0)"
        for bound in self.emitter.masks.values():
            bad += f" & {bound}"
        self.body += [
            f"bad = tl.broadcast_to({bad}, [WIDE, DEEP]).to(tl.int32)",
            "if tl.max(tl.max(bad, 1), 0) > 0:",
            "    tl.store(infinite, 1)",
        ]
        self._add(f"look_{self.factor.name}", {"infinite": "int32"})

    @property
    def _elements(self) -> int:
        return self.factor.batches * self.factor.width * self.factor.depth

    def _position(self) -> Index:
        return linear(self.index, (self.factor.batches, self.factor.width, self.factor.depth))

    def _row(self) -> Index:
        return linear(self.index[:2], (self.factor.batches, self.factor.width))

    def _value(self) -> str:
        return self.emitter.value(self.factor.node.id, self.factor.place(*self.index))

    def _full(self) -> str:
        """The elements of the tile, all of them: what does not vary along an axis is repeated."""
        self.body.append(f"value = tl.zeros([WIDE, DEEP], tl.float32) + {self._value()}")
        return "value"

    def _begin(self, told: str) -> None:
        self.body += [f"# pass: {told}", *self._start]

    def _add(
        self, suffix: str, scratch: dict[str, str], values: Mapping[str, str] | None = None, once: bool = False
    ) -> None:
        sizes = {name: str(size) for name, size in self.sizes.items()}
        tiles = {
            "TILES_W": str(-(-self.factor.width // self.sizes["WIDE"])),
            "TILES_P": str(-(-self.factor.depth // self.sizes["DEEP"])),
        }
        grid, reads = f"{self.factor.batches} * {tiles['TILES_W']} * {tiles['TILES_P']}", sorted(self.emitter.reads)
        constants = {**sizes, **tiles, **(values or {})}
        self.out.add(suffix, self.body, constants, grid, str(self._warps), reads, (), scratch, once)
