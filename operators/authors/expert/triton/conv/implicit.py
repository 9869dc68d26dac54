"""A convolution as a product on tensor cores, whose left factor is gathered from the input tile by tile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod

from operators.authors.expert.ir.graph import DType, Node
from operators.authors.expert.kernels.index import Index, linear, unravel, variable
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.conv.schedule import copied
from operators.authors.expert.triton.conv.tile import Tile
from operators.authors.expert.triton.expr import Scope
from operators.authors.expert.triton.matmul import pieces
from operators.authors.expert.triton.matmul.frame import SHAPES, Block
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.schedule import in_pieces, in_what
from operators.authors.expert.triton.text import loop

_DEPTH = frozenset("pq")


@dataclass
class Implicit:
    """Tiles of the result, or parts of their depth."""

    out: Functions
    found: Convolution
    plan: KernelPlan

    def __post_init__(self) -> None:
        found, settings, g = self.found, self.out.settings, self.found.geometry
        self.by_taps = self.plan.choices["depth"] == "tap by tap"
        self.pieces = in_pieces(self.plan.choices)
        self.split = self.plan.choices["product"] == "split"
        self.deep = g.group_channels if self.by_taps else found.k
        sizes = {"i": (found.m, "block_m"), "j": (found.n, "block_n")}
        sizes |= {name: (self.deep, "block_k") for name in "pq"}
        blocks = {
            name: Block(role.upper(), size, SHAPES[name], settings.divides(role, size))
            for name, (size, role) in sizes.items()
        }
        self.tile = Tile(found, blocks)
        self.factors = Factors(self.tile.emitter, found.dtype)

    def add(self) -> None:
        """The function, with what it needs to start."""
        found, tile, values = self.found, self.tile, self._values()
        body, start = tile.body, tile.frame.program()
        grid = f"{found.geometry.phases} * {values['TILES']}"
        told = f"multiply {'parts of the depth ' if self.split else ''}{self.plan.choices['depth']}"
        told += in_what(self.plan.choices)
        if self.split:
            grid = f"{self.out.settings.text('split_k')} * {grid}"
            body += [f"# pass: {told}", f"piece = {start} // TILES", f"tile = {start} % TILES"]
        else:
            body += [f"# pass: {told}", f"tile = {start}"]
        body += tile.start("GROUP_M" if "group_m" in self.out.settings.decisions else "")
        self._sum()
        body += self._unscaled() if self.pieces else []
        body += positions.narrowed(found.m, found.n)
        if self.split:
            where, mask = tile.part()
            body.append(f"tl.store({where}, acc{mask})")
        else:
            tile.finish()
        scratch = self._copies | ({"parts": "float32"} if self.split else {})
        writes = () if self.split else found.contraction.outputs
        warps, reads = self.out.settings.text("num_warps"), sorted(tile.emitter.reads)
        self.out.add("multiply", body, values, grid, warps, reads, writes, scratch)

    @property
    def _copies(self) -> dict[str, str]:
        """The pointers to copies of factors, and the types of these."""
        if self.pieces:
            types = {"pieces": pieces.storage(self.out.name), "exponents": "int32"}
            return {f"{kind}_{name}": dtype for kind, dtype in types.items() for name in "xw"}
        used = {"packed_x": copied(self.plan.choices), "packed_w": self.plan.choices["layout"] != "as given"}
        return {name: self.found.dtype.value for name, needed in used.items() if needed}

    def _values(self) -> dict[str, str]:
        """Constants, with the text of their values."""
        settings, found = self.out.settings, self.found
        text = settings.text
        tiles = f"triton.cdiv({found.m}, {text('block_m')})", f"triton.cdiv({found.n}, {text('block_n')})"
        steps = f"triton.cdiv({self.deep}, {text('block_k')})"
        whole = self._count(prod(found.geometry.taps), steps)
        known = {role.upper(): text(role) for role in ("block_m", "block_n", "block_k")}
        known |= {"TILES_M": tiles[0], "TILES_N": tiles[1], "TILES": f"{found.batch} * {' * '.join(tiles)}"}
        known |= {"STEPS": steps, "STAGES": text("num_stages")}
        if "group_m" in settings.decisions:
            known["GROUP_M"] = text("group_m")
        if self.pieces:
            known |= pieces.values(self.out.name)
        elif "input_precision" in settings.decisions:
            # Triton's interpreter multiplies in float32, whatever it is told, and does not know every word.
            known["PRECISION"] = f'{text("input_precision")} if _EGG_DEVICE == "cuda" else "ieee"'
        if "promote" in settings.decisions:
            known["CHUNK"] = f"triton.cdiv({text('promote')}, {text('block_k')}) or {whole}"
        if self.split:
            known["PIECE"] = f"triton.cdiv({whole}, {text('split_k')})"
        return known

    def _count(self, taps: int | str, steps: str) -> str:
        """Steps of the whole depth, by those of a tap."""
        return steps if not self.by_taps or str(taps) == "1" else f"{taps} * {steps}"

    def _sum(self) -> None:
        """`acc`, the sums of a tile over the depth, in steps of one tap and BLOCK_K channels, or of BLOCK_K of both."""
        zeros = "tl.zeros([BLOCK_M, BLOCK_N], tl.float32)"
        low, high = "0", self._count(positions.tap_count(self.found.geometry), "STEPS")
        if self.split:
            self.tile.body += ["low = piece * PIECE", f"high = tl.minimum(low + PIECE, {high})"]
            low, high = "low", "high"
        if "promote" in self.out.settings.decisions:
            # Tensor cores drop bits of a long sum: they add up parts of it, and the parts are added in float32.
            inner = self._steps("part", "start", f"tl.minimum(start + CHUNK, {high})")
            lines = loop(f"start in tl.range({low}, {high}, CHUNK)", [f"part = {zeros}", *inner, "acc += part"])
        else:
            lines = self._steps("acc", low, high)
        self.tile.body += [f"acc = {zeros}", *([f"small = {zeros}"] if self.pieces else []), *lines]

    def _steps(self, acc: str, low: str, high: str) -> list[str]:
        """The loop that adds a stretch of the depth to `acc`."""
        g, emitter = self.found.geometry, self.tile.emitter
        outer, (walked, start) = emitter.scopes[0], self._walk()
        inside = _DEPTH | {f"u{axis.number}" for axis in g.axes}
        scope = Scope(outer.variables | inside)
        emitter.scopes, emitter.hint = [outer, scope], self.factors.filler
        products = self._products_of_pieces(acc) if self.pieces else self._product(acc)
        emitter.scopes, emitter.hint = [outer], lambda node, position: ""
        emitter.forget(inside)
        body = [*walked, *self.tile.frame.defined("p", start), *self.tile.frame.defined("q", start)]
        return loop(f"k in tl.range({low}, {high}, num_stages=STAGES)", [*body, *scope.lines, *products])

    def _product(self, acc: str) -> list[str]:
        left, right = self._left(), self._right()
        precision = ", input_precision=PRECISION" if self.found.dtype is DType.F32 else ""
        return [f"{acc} = tl.dot({left}, {right}, {acc}{precision})"]

    def _products_of_pieces(self, acc: str) -> list[str]:
        found = self.found
        sides = (
            ("left", "x", self._input_position(), found.input, (self.tile.rows, "p"), "[BLOCK_M, BLOCK_K]"),
            ("right", "w", self._weights_position(), found.weights, ("j", "q"), "[BLOCK_K, BLOCK_N]"),
        )
        return pieces.products(acc, [self._pieces(*side) for side in sides])

    def _pieces(
        self,
        side: str,
        name: str,
        place: tuple[Index, int],
        node: Node,
        spans: Collection[Collection[str]],
        shape: str,
    ) -> list[list[str]]:
        """Statements that load the tiles of a factor's pieces, the largest first."""
        position, size = place
        where = f"{position.written('//')}{self.tile.emitter.mask(position.uses)}{self.factors.filler(node, position)}"
        lines = []
        for n in range(3):
            text = f"tl.load(pieces_{name}{f' + {n * size}' if n else ''} + {where})"
            whole = all(position.uses & {*names} for names in spans)
            lines.append([f"{side}{n} = {text if whole else f'tl.broadcast_to({text}, {shape})'}"])
        return lines

    def _unscaled(self) -> list[str]:
        """Statements that put the sums of both kinds of terms together and undo the scales of both factors."""
        g, mask = self.found.geometry, self.tile.emitter.mask
        row = linear((self.tile.group, variable("j", g.group_rows)), (g.groups, g.group_rows))
        lines = [
            f"{side}_exponents = {pieces.exponents(f'exponents_{name}', at, mask(at.uses))}"
            for side, name, at in (("left", "x", self.tile.image), ("right", "w", row))
        ]
        return [*lines, *pieces.finished()]

    def _walk(self) -> tuple[list[str], str]:
        """What a step defines, and where its depth starts."""
        g = self.found.geometry
        if not self.by_taps or prod(g.taps) == 1:
            return [], "k * BLOCK_K"
        return ["tap = k // STEPS", *positions.taps(g)], "k % STEPS * BLOCK_K"

    def _depth(self, name: str) -> tuple[Index, list[Index]]:
        """Channel and number of the tap along an axis, by the depth variable `name`."""
        g = self.found.geometry
        if self.by_taps:
            return variable(name, self.deep), [axis.u for axis in g.axes]
        channel, *taps = unravel(variable(name, self.deep), (g.group_channels, *g.taps))
        return channel, taps

    def _input_position(self) -> tuple[Index, int]:
        """In a copy with channels last, and the size of that copy."""
        g = self.found.geometry
        image, channel, *at = self.found.input_place(self.tile.image, self.tile.group, *self._depth("p"))
        inside = [i + axis.low for i, axis in zip(at, g.axes, strict=True)]
        shape = (g.images, *(axis.padded for axis in g.axes), g.channels)
        return linear((image, *inside, channel), shape), prod(shape)

    def _weights_position(self) -> tuple[Index, int]:
        """In a copy by depth, and the size of that copy."""
        g, (channel, u) = self.found.geometry, self._depth("q")
        taps = [axis.tap(each) for axis, each in zip(g.axes, u, strict=True)] if self.by_taps else []
        deep = channel if self.by_taps else variable("q", self.deep)
        shape = (g.groups, *(g.kernel if self.by_taps else ()), g.group_rows, self.deep)
        return linear((self.tile.group, *taps, variable("j", g.group_rows), deep), shape), prod(shape)

    def _left(self) -> str:
        found = self.found
        if "packed_x" in self._copies:
            value, uses = self.factors.copied("packed_x", self._input_position()[0], found.input)
            plain = True
        else:
            place = found.input_place(self.tile.image, self.tile.group, *self._depth("p"))
            value, uses = self.factors.surrounded(found.input, found.plain_input, place)
            plain = found.plain_input
        return self._whole(value, uses, plain, "p", self.tile.rows, "[BLOCK_M, BLOCK_K]")

    def _right(self) -> str:
        found = self.found
        if "packed_w" in self._copies:
            value, uses = self.factors.copied("packed_w", self._weights_position()[0], found.weights)
            plain = True
        else:
            (channel, u), row = self._depth("q"), variable("j", found.geometry.group_rows)
            value = self.tile.emitter.value(found.weights.id, found.weights_place(self.tile.group, row, channel, u))
            uses, plain = self.tile.emitter.uses(value), found.plain_weights
        return self._whole(value, uses, plain, "q", frozenset("j"), "[BLOCK_K, BLOCK_N]")

    def _whole(self, value: str, uses: frozenset[str], plain: bool, deep: str, wide: frozenset[str], shape: str) -> str:
        """The tile, zero where there is no depth any more."""
        if not (plain and deep in uses) and not self.tile.frame.blocks[deep].whole:
            value, uses = self.factors.within_depth(value, uses, deep, f"in_{deep}")
        return self.factors.tile(value, uses, (wide, frozenset([deep])), shape)
