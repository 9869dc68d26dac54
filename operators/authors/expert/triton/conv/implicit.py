"""A convolution as a product on tensor cores, whose left factor is gathered from the input tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from operators.authors.expert.ir.graph import DType
from operators.authors.expert.kernels.index import Index, linear, unravel, variable
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.conv.tile import Tile
from operators.authors.expert.triton.expr import Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block
from operators.authors.expert.triton.matmul.functions import Functions
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
        self.layout = str(self.plan.choices["layout"])
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
        if self.split:
            grid = f"{self.out.settings.text('split_k')} * {grid}"
            body += [f"# pass: {told}", f"piece = {start} // TILES", f"tile = {start} % TILES"]
        else:
            body += [f"# pass: {told}", f"tile = {start}"]
        body += tile.start("GROUP_M" if "group_m" in self.out.settings.decisions else "")
        self._sum()
        body += positions.narrowed(found.m, found.n)
        if self.split:
            where, mask = tile.part()
            body.append(f"tl.store({where}, acc{mask})")
        else:
            tile.finish()
        scratch = {name: found.dtype.value for name, used in self._copies.items() if used}
        scratch |= {"parts": "float32"} if self.split else {}
        writes = () if self.split else found.contraction.outputs
        warps, reads = self.out.settings.text("num_warps"), sorted(tile.emitter.reads)
        self.out.add("multiply", body, values, grid, warps, reads, writes, scratch)

    @property
    def _copies(self) -> dict[str, bool]:
        return {"packed_x": self.layout == "channels last", "packed_w": self.layout != "as given"}

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
        if "input_precision" in settings.decisions:
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
        self.tile.body += [f"acc = {zeros}", *lines]

    def _steps(self, acc: str, low: str, high: str) -> list[str]:
        """The loop that adds a stretch of the depth to `acc`."""
        g, emitter = self.found.geometry, self.tile.emitter
        outer, (walked, start) = emitter.scopes[0], self._walk()
        inside = _DEPTH | {f"u{axis.number}" for axis in g.axes}
        scope = Scope(outer.variables | inside)
        emitter.scopes, emitter.hint = [outer, scope], self.factors.filler
        left, right = self._left(), self._right()
        emitter.scopes, emitter.hint = [outer], lambda node, position: ""
        emitter.forget(inside)
        precision = ", input_precision=PRECISION" if self.found.dtype is DType.F32 else ""
        body = [*walked, *self.tile.frame.defined("p", start), *self.tile.frame.defined("q", start), *scope.lines]
        body.append(f"{acc} = tl.dot({left}, {right}, {acc}{precision})")
        return loop(f"k in tl.range({low}, {high}, num_stages=STAGES)", body)

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

    def _left(self) -> str:
        found, g = self.found, self.found.geometry
        place = found.input_place(self.tile.image, self.tile.group, *self._depth("p"))
        if self._copies["packed_x"]:
            image, channel, *at = place
            inside = [i + axis.low for i, axis in zip(at, g.axes, strict=True)]
            shape = (g.images, *(axis.padded for axis in g.axes), g.channels)
            value, uses = self.factors.copied("packed_x", linear((image, *inside, channel), shape), found.input)
            plain = True
        else:
            value, uses = self.factors.surrounded(found.input, found.plain_input, place)
            plain = found.plain_input
        return self._whole(value, uses, plain, "p", self.tile.rows, "[BLOCK_M, BLOCK_K]")

    def _right(self) -> str:
        found, g = self.found, self.found.geometry
        (channel, u), row = self._depth("q"), variable("j", g.group_rows)
        if self._copies["packed_w"]:
            taps = [axis.tap(each) for axis, each in zip(g.axes, u, strict=True)] if self.by_taps else []
            deep = channel if self.by_taps else variable("q", self.deep)
            kernel = g.kernel if self.by_taps else ()
            position = linear((self.tile.group, *taps, row, deep), (g.groups, *kernel, g.group_rows, self.deep))
            value, uses = self.factors.copied("packed_w", position, found.weights)
            plain = True
        else:
            value = self.tile.emitter.value(found.weights.id, found.weights_place(self.tile.group, row, channel, u))
            uses, plain = self.tile.emitter.uses(value), found.plain_weights
        return self._whole(value, uses, plain, "q", frozenset("j"), "[BLOCK_K, BLOCK_N]")

    def _whole(self, value: str, uses: frozenset[str], plain: bool, deep: str, wide: frozenset[str], shape: str) -> str:
        """The tile, zero where there is no depth any more."""
        if not (plain and deep in uses) and not self.tile.frame.blocks[deep].whole:
            value, uses = self.factors.within_depth(value, uses, deep, f"in_{deep}")
        return self.factors.tile(value, uses, (wide, frozenset([deep])), shape)
