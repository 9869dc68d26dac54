"""What is done with factors before they are multiplied: copies that are contiguous along the depth, and a look for
infinities where zeros are to be skipped."""

from __future__ import annotations

from operators.authors.expert.kernels.index import linear, variable
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.product import Factor, Product
from operators.authors.expert.triton.nest.schedule import power

_TILE = 64
_WARPS = "4"


class Factors:
    """A function over the elements of one factor, tile by tile."""

    def __init__(self, out: Functions, product: Product, factor: Factor) -> None:
        self.out, self.product, self.factor = out, product, factor
        name, width, depth = factor.name, factor.width, product.k
        self.sizes = {"WIDE": min(_TILE, power(width)), "DEEP": min(_TILE, power(depth))}
        blocks = {
            name: Block("WIDE", width, SHAPES["i"], width % self.sizes["WIDE"] == 0),
            "p": Block("DEEP", depth, SHAPES["p"], depth % self.sizes["DEEP"] == 0),
        }
        frame = Frame(blocks, product.wide)
        self.body: list[str] = []
        scope = Scope(frozenset(["batch", name, "p"]), self.body)
        self.emitter = Emitter(product.graph, product.contraction.nodes, masks=frame.masks(), scopes=[scope])
        self.index = (variable("batch", factor.batches), variable(name, width), variable("p", depth))
        self._start = [
            f"tile = {frame.program()}",
            *(["batch = tile // (TILES_W * TILES_P)"] if factor.batches > 1 else []),
            *frame.defined(name, "tile % (TILES_W * TILES_P) // TILES_P * WIDE"),
            *frame.defined("p", "tile % TILES_P * DEEP"),
        ]

    def pack(self) -> None:
        """Stores the factor, prologue done, contiguous along the depth."""
        factor, name = self.factor, f"packed_{self.factor.name}"
        shape = (factor.batches, factor.width, self.product.k)
        position = linear(self.index, shape)
        self._begin(f"copy {factor.name} by depth")
        value = self.emitter.value(factor.node.id, factor.place(*self.index))
        mask = self.emitter.mask(position.uses)
        self.body.append(f"tl.store({name} + {position.written('//')}, {value}{mask})")
        dtype = self.product.dtype.value
        self.out.scratch(name, str(shape[0] * shape[1] * shape[2]), dtype)
        self._add(name, {name: dtype})

    def look(self) -> None:
        """Sets the flag `infinite` if an element is no finite number."""
        self._begin(f"look for infinities in {self.factor.name}")
        value = self.emitter.value(self.factor.node.id, self.factor.place(*self.index))
        bad = f"({value} - {value} != 0)"
        for bound in self.emitter.masks.values():
            bad += f" & {bound}"
        self.body += [
            f"bad = tl.broadcast_to({bad}, [WIDE, DEEP]).to(tl.int32)",
            "if tl.max(tl.max(bad, 1), 0) > 0:",
            "    tl.store(infinite, 1)",
        ]
        self._add(f"look_{self.factor.name}", {"infinite": "int32"})

    def _begin(self, told: str) -> None:
        self.body += [f"# pass: {told}", *self._start]

    def _add(self, suffix: str, scratch: dict[str, str]) -> None:
        sizes = {name: str(size) for name, size in self.sizes.items()}
        tiles = {
            "TILES_W": str(-(-self.factor.width // self.sizes["WIDE"])),
            "TILES_P": str(-(-self.product.k // self.sizes["DEEP"])),
        }
        grid = f"{self.factor.batches} * {tiles['TILES_W']} * {tiles['TILES_P']}"
        self.out.add(suffix, self.body, {**sizes, **tiles}, grid, _WARPS, sorted(self.emitter.reads), (), scratch)
