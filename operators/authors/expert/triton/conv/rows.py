"""A convolution of few channels a group that keeps rows of sums in registers: an element of the input is read once for
all of them, where `direct` reads it once a tap."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from math import ceil, prod

from operators.authors.expert.kernels.index import Index, unravel, variable
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.conv.geometry import Axis, Geometry
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
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


@dataclass
class Rows:
    """A program has BLOCK positions (i), each of some rows, of PLANES planes (c: output channels of all images)."""

    out: Functions
    found: Convolution
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        found, settings, g = self.found, self.out.settings, self.found.geometry
        self.rows, self.planes, self.counts = rows_of(g), g.images * g.rows, blocks_of(g)
        self.positions = prod(self.counts)
        self.axis = replace(g.axes[-2], out=g.counts[-2] - self.rows + 1)  # where the first of the rows may lie
        self.axes = (*g.axes[:-2], self.axis, g.axes[-1])
        blocks = {
            "i": Block("BLOCK", self.positions, SHAPES["j"], settings.divides("block", self.positions)),
            "c": Block("PLANES", self.planes, SHAPES["i"], settings.divides("planes", self.planes)),
        }
        self.frame = Frame(blocks, found.wide)
        mask = {} if blocks["c"].whole else dict.fromkeys(("c", "image", "row"), "in_c")
        self.row = 0  # whose results are written
        self.emitter = Emitter(
            found.graph,
            found.contraction.nodes,
            {found.contraction.node.id: lambda index: f"sums{self.row}"},
            masks=mask | positions.masks(g, 1, blocks["i"].whole),
            scopes=[Scope(positions.split(g, 1) | {"c", "image", "row"}, self.body)],
        )
        self.image, self.channel = unravel(variable("c", self.planes), (g.images, g.rows))

    def add(self) -> None:
        settings, g = self.out.settings, self.found.geometry
        self.body += [f"# pass: convolve {self.rows} rows", f"tile = {self.frame.program()}"]
        self.body += [
            *self.frame.defined("i", "tile % TILES * BLOCK"),
            *positions.in_lanes(g),
            *self.frame.defined("c", "tile // TILES * PLANES"),
        ]
        for name, digit in (("image", self.image), ("row", self.channel)):
            self.body += [f"{name} = {digit.written('//')}"] if digit.uses else []
        self.body += self._places()
        self.body += [f"acc{row} = tl.zeros([PLANES, BLOCK], tl.float32)" for row in range(self.rows)]
        self._sum()
        self._finish()
        tiles = f"triton.cdiv({self.positions}, {settings.text('block')})"
        planes = f"triton.cdiv({self.planes}, {settings.text('planes')})"
        values = {"BLOCK": settings.text("block"), "PLANES": settings.text("planes"), "TILES": tiles}
        warps, reads = settings.text("num_warps"), sorted(self.emitter.reads)
        self.out.add("convolve", self.body, values, f"{tiles} * {planes}", warps, reads, self.found.contraction.outputs)

    def _places(self) -> list[str]:
        """Splits i; the last rows are computed twice where their number does not divide the axis."""
        lines = []
        for axis, digit in zip(self.axes, unravel(variable("i", self.positions), self.counts), strict=True):
            if axis is not self.axis:
                lines += [f"y{axis.number} = {digit.written('//')}"] if digit.uses else []
            elif axis.count > 1:
                first, last = (digit * self.rows).written("//"), axis.count - 1
                ragged = self.found.geometry.counts[-2] % self.rows
                lines.append(f"y{axis.number} = " + (f"tl.minimum({first}, {last})" if ragged else first))
        return lines

    def _sum(self) -> None:
        """Adds each element of the input to all sums that it is part of."""
        found, g, emitter = self.found, self.found.geometry, self.emitter
        factors = Factors(emitter, found.dtype)
        emitter.hint = factors.filler
        image, row = variable("image", g.images), variable("row", g.rows)
        group = row // g.group_rows
        others = [range(axis.taps) for axis in g.axes]
        others[-2] = range(1)
        for channel, (distance, sums) in product(range(g.group_channels), _shared(self.axis, self.rows).items()):
            for taps in product(*others):
                at = [axis.position(Index(constant=tap)) for axis, tap in zip(self.axes, taps, strict=True)]
                at[-2] = at[-2] + distance
                where = (image, group * g.group_channels + channel, *at)
                value, _ = factors.surrounded(found.input, found.plain_input, where)
                for kept, tap in sums:
                    u = [Index(constant=each) for each in (*taps[:-2], tap, taps[-1])]
                    place = found.weights_place(group, row % g.group_rows, Index(constant=channel), u)
                    self.body.append(f"acc{kept} += {value} * {emitter.value(found.weights.id, place)}")
        emitter.hint = lambda node, position: ""

    def _finish(self) -> None:
        spans = frozenset(name for name, size in (("c", self.planes), ("i", self.positions)) if size > 1)
        for row in range(self.rows):
            self.row = row
            y = [axis.y for axis in self.axes]
            y[-2] = y[-2] + row
            self.body += positions.narrowed(self.planes, self.positions, f"acc{row}")
            place = self.found.output_place(self.image, self.channel, y)
            self.body += positions.finish(self.found, self.emitter, self.body, spans, place, str(row))
