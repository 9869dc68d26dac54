"""A convolution of few channels a group without tensor cores: every tap of a tile of planes, added in float32."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from operators.authors.expert.kernels.index import Index, unravel, variable
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.text import loop

UNROLLED = 64  # steps of the depth at most that are written out


@dataclass
class Direct:
    """A program has BLOCK output positions (i) of PLANES planes (c: output channels of all images)."""

    out: Functions
    found: Convolution
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        found, settings, g = self.found, self.out.settings, self.found.geometry
        self.planes = g.images * g.rows
        blocks = {
            "i": Block("BLOCK", g.positions, SHAPES["j"], settings.divides("block", g.positions)),
            "c": Block("PLANES", self.planes, SHAPES["i"], settings.divides("planes", self.planes)),
        }
        self.frame = Frame(blocks, found.wide)
        mask = {} if blocks["c"].whole else dict.fromkeys(("c", "image", "row"), "in_c")
        known = frozenset(["c", "image", "row", *(f"f{axis.number}" for axis in g.axes)])
        self.emitter = Emitter(
            found.graph,
            found.contraction.nodes,
            {found.contraction.node.id: lambda index: "sums"},
            masks=mask | positions.masks(g, 1, blocks["i"].whole),
            scopes=[Scope(known | positions.split(g, 1), self.body)],
        )

    def add(self) -> None:
        found, g, settings = self.found, self.found.geometry, self.out.settings
        self.body += ["# pass: convolve", f"tile = {self.frame.program()}", *positions.phase(g, "tile")]
        self.body += [
            *self.frame.defined("i", "tile % TILES * BLOCK"),
            *positions.in_lanes(g),
            *self.frame.defined("c", "tile // TILES * PLANES"),
        ]
        digits = unravel(variable("c", self.planes), (g.images, g.rows))
        for name, digit in zip(("image", "row"), digits, strict=True):
            self.body += [f"{name} = {digit.written('//')}"] if digit.uses else []
        self.body += positions.outputs(g, 1)
        self.body += ["acc = tl.zeros([PLANES, BLOCK], tl.float32)", *self._sum()]
        self.body += positions.narrowed(self.planes, g.positions)
        spans = frozenset(name for name, size in (("c", self.planes), ("i", g.positions)) if size > 1)
        self.body += positions.finish(found, self.emitter, self.body, spans, self._place())
        tiles = f"triton.cdiv({g.positions}, {settings.text('block')})"
        planes = f"triton.cdiv({self.planes}, {settings.text('planes')})"
        values = {"BLOCK": settings.text("block"), "PLANES": settings.text("planes"), "TILES": tiles}
        grid = f"{g.phases} * {tiles} * {planes}"
        warps, reads = settings.text("num_warps"), sorted(self.emitter.reads)
        self.out.add("convolve", self.body, values, grid, warps, reads, found.contraction.outputs)

    def _place(self) -> tuple[Index, ...]:
        """Of the sums in the result: by c and i, if that keeps neighbours visible."""
        g = self.found.geometry
        image, row = unravel(variable("c", self.planes), (g.images, g.rows))
        y = [axis.y for axis in g.axes]
        return self.found.output_place(
            image, row, unravel(variable("i", g.positions), g.counts) if g.phases == 1 else y
        )

    def _sum(self) -> list[str]:
        """Adds every channel of the group at every tap to `acc`."""
        found, g, emitter = self.found, self.found.geometry, self.emitter
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
        body = [*self._walk(count), *scope.lines, f"acc += {value} * {weight}"]
        steps = count if g.group_channels == 1 else f"{count} * {g.group_channels}"
        written_out = g.phases == 1 and g.group_channels * prod(g.taps) <= UNROLLED
        return loop(f"step in tl.{'static_range' if written_out else 'range'}({steps})", body)

    def _walk(self, count: str) -> list[str]:
        """Channel and tap of a step."""
        g = self.found.geometry
        lines = [f"ch = step // ({count})"] if g.group_channels > 1 else []
        if prod(g.taps) > 1:
            lines += [f"tap = step % ({count})" if g.group_channels > 1 else "tap = step", *positions.taps(g)]
        return lines
