"""A tile of a convolution's result as a product: rows are output positions, columns the output channels of a group."""

from __future__ import annotations

from dataclasses import dataclass, field

from operators.authors.expert.kernels.index import linear, unravel, variable
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import Block, Frame


@dataclass
class Tile:
    """`body` is the code that works on one tile, whose number is `tile`; `blocks` are of i and j at least."""

    found: Convolution
    blocks: dict[str, Block]
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        found, g = self.found, self.found.geometry
        self.images = g.images if found.merged else 1
        self.frame = Frame(self.blocks, found.wide)
        self.rows = positions.split(g, self.images)
        scalars = ["batch", "image", "group", *(f"f{axis.number}" for axis in g.axes)]
        self.emitter = Emitter(
            found.graph,
            found.contraction.nodes,
            {found.contraction.node.id: lambda index: "sums"},
            masks=self.frame.masks() | positions.masks(g, self.images, self.blocks["i"].whole),
            scopes=[Scope(self.rows.union(scalars, "j"), self.body)],
        )
        self.image, self.group = variable("image", g.images), variable("group", g.groups)

    def start(self, group: str = "") -> list[str]:
        """Defines what a tile is of, by `tile`; see `Frame.tile`."""
        found, g = self.found, self.found.geometry
        lines = [*positions.phase(g, "tile"), *self.frame.tile(found, "tile", group)]
        shape = (found.batch // g.groups, g.groups)
        for name, digit in zip(("image", "group"), unravel(variable("batch", found.batch), shape), strict=True):
            lines += [f"{name} = {digit.written('//')}"] if digit.uses else []
        return [*lines, *positions.outputs(g, self.images)]

    @property
    def spans(self) -> frozenset[str]:
        """The variables of sums."""
        return frozenset(name for name, size in (("i", self.found.m), ("j", self.found.n)) if size > 1)

    def part(self) -> tuple[str, str]:
        """Where the sums of part `piece` of the depth lie, and the mask of an access to them."""
        found = self.found
        sizes = {"batch": found.batch, "i": found.m, "j": found.n}
        position = linear([variable(*each) for each in sizes.items()], tuple(sizes.values()))
        return f"parts + piece * {found.parts} + {position.written('//')}", self.emitter.mask(position.uses)

    def finish(self) -> None:
        """Stores the results, given the sums `acc`."""
        found, g = self.found, self.found.geometry
        image, y = self.image, [axis.y for axis in g.axes]
        if g.phases == 1:  # by i, which keeps neighbours visible
            first, *y = unravel(variable("i", found.m), (self.images, *g.counts))
            image = first if found.merged else image
        place = found.output_place(image, self.group * g.group_rows + variable("j", found.n), y)
        self.body += positions.finish(found, self.emitter, self.body, self.spans, place)
