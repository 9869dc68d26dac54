"""A tile of planes, for convolutions without tensor cores: BLOCK positions (i) of PLANES planes (c: output channels of
all images)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from operators.authors.expert.kernels.index import Index, unravel, variable
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions


@dataclass
class Planes:
    """`body` is the code of a program; `positions` are those of a plane, as programs share it out."""

    out: Functions
    found: Convolution
    positions: int
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        found, settings, g = self.found, self.out.settings, self.found.geometry
        self.count = g.images * g.rows
        blocks = {
            "i": Block("BLOCK", self.positions, SHAPES["j"], settings.divides("block", self.positions)),
            "c": Block("PLANES", self.count, SHAPES["i"], settings.divides("planes", self.count)),
        }
        self.frame = Frame(blocks, found.wide)
        self.image, self.channel = unravel(variable("c", self.count), (g.images, g.rows))
        mask = {} if blocks["c"].whole else dict.fromkeys(("c", "image", "row"), "in_c")
        known = frozenset(["c", "image", "row", *(f"f{axis.number}" for axis in g.axes)])
        self.sums = "sums"  # of which results are made
        self.emitter = Emitter(
            found.graph,
            found.contraction.nodes,
            {found.contraction.node.id: lambda index: self.sums},
            masks=mask | positions.masks(g, 1, blocks["i"].whole),
            scopes=[Scope(known | positions.split(g, 1), self.body)],
        )

    def start(self, what: str) -> None:
        """Defines i and c, and the image and channel that c is."""
        g = self.found.geometry
        self.body += [f"# pass: {what}", f"tile = {self.frame.program()}", *positions.phase(g, "tile")]
        self.body += [
            *self.frame.defined("i", "tile % TILES * BLOCK"),
            *positions.in_lanes(g),
            *self.frame.defined("c", "tile // TILES * PLANES"),
        ]
        for name, digit in (("image", self.image), ("row", self.channel)):
            self.body += [f"{name} = {digit.written('//')}"] if digit.uses else []

    def finish(self, y: Sequence[Index], number: str = "") -> None:
        """Stores the results, given the sums `acc<number>` of the positions `y`."""
        self.sums = f"sums{number}"
        self.body += positions.narrowed(self.count, self.positions, f"acc{number}")
        spans = frozenset(name for name, size in (("c", self.count), ("i", self.positions)) if size > 1)
        place = self.found.output_place(self.image, self.channel, y)
        self.body += positions.finish(self.found, self.emitter, self.body, spans, place, number)

    def add(self) -> None:
        """The function, with a program for each tile."""
        settings, g = self.out.settings, self.found.geometry
        tiles = f"triton.cdiv({self.positions}, {settings.text('block')})"
        planes = f"triton.cdiv({self.count}, {settings.text('planes')})"
        values = {"BLOCK": settings.text("block"), "PLANES": settings.text("planes"), "TILES": tiles}
        grid = " * ".join([*([str(g.phases)] if g.phases > 1 else []), tiles, planes])
        warps, reads = settings.text("num_warps"), sorted(self.emitter.reads)
        self.out.add("convolve", self.body, values, grid, warps, reads, self.found.contraction.outputs)
