"""A convolution as a product on tensor cores, whose left factor is gathered from the input tile by tile."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from operators.authors.expert.ir.graph import DType
from operators.authors.expert.kernels.index import Index, linear, unravel, variable
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.factors import Factors
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.text import loop

_DEPTH = frozenset("pq")


@dataclass
class Implicit:
    """`body` is the work on one tile, given its number `tile`."""

    out: Functions
    found: Convolution
    plan: KernelPlan
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        found, settings, g = self.found, self.out.settings, self.found.geometry
        self.by_taps = self.plan.choices["depth"] == "tap by tap"
        self.layout = str(self.plan.choices["layout"])
        self.deep = g.group_channels if self.by_taps else found.k
        sizes = {"i": (found.m, "block_m"), "j": (found.n, "block_n")}
        sizes |= {name: (self.deep, "block_k") for name in "pq"}
        blocks = {
            name: Block(role.upper(), size, SHAPES[name], settings.divides(role, size))
            for name, (size, role) in sizes.items()
        }
        self.frame = Frame(blocks, found.wide)
        images = g.images if found.merged else 1
        self.rows = positions.split(g, images)
        self.emitter = Emitter(
            found.graph,
            found.contraction.nodes,
            {found.contraction.node.id: lambda index: "sums"},
            masks=self.frame.masks() | positions.masks(g, images, blocks["i"].whole),
            scopes=[Scope(self.rows | self._scalars | {"j"}, self.body)],
        )
        self.factors = Factors(self.emitter, found.dtype)
        self.image, self.group = variable("image", g.images), variable("group", g.groups)

    @property
    def _scalars(self) -> frozenset[str]:
        return frozenset(["batch", "image", "group", *(f"f{axis.number}" for axis in self.found.geometry.axes)])

    def add(self) -> None:
        """The function, with what it needs to start."""
        found, g = self.found, self.found.geometry
        group = "GROUP_M" if "group_m" in self.out.settings.decisions else ""
        self.body += ["# pass: multiply", f"tile = {self.frame.program()}", *positions.phase(g, "tile")]
        self.body += self.frame.tile(found, "tile", group)
        if found.batch > 1:
            shape = (found.batch // g.groups, g.groups)
            for name, digit in zip(("image", "group"), unravel(variable("batch", found.batch), shape), strict=True):
                self.body += [f"{name} = {digit.written('//')}"] if digit.uses else []
        self.body += positions.outputs(g, g.images if found.merged else 1)
        self._sum()
        self.body += positions.narrowed(found.m, found.n)
        spans = frozenset(name for name, size in (("i", found.m), ("j", found.n)) if size > 1)
        self.body += positions.finish(found, self.emitter, self.body, spans, self._place())
        scratch = {name: found.dtype.value for name, used in self._copies.items() if used}
        warps, reads = self.out.settings.text("num_warps"), sorted(self.emitter.reads)
        values = self._values()
        grid = f"{g.phases} * {values['TILES']}"
        self.out.add("multiply", self.body, values, grid, warps, reads, found.contraction.outputs, scratch)

    @property
    def _copies(self) -> dict[str, bool]:
        return {"packed_x": self.layout == "channels last", "packed_w": self.layout != "as given"}

    def _place(self) -> tuple[Index, ...]:
        """Of the sums in the result: by i, if that keeps neighbours visible."""
        found, g = self.found, self.found.geometry
        y: tuple[Index, ...] = tuple(axis.y for axis in g.axes)
        image = self.image
        if g.phases == 1:
            images = g.images if found.merged else 1
            first, *y = unravel(variable("i", found.m), (images, *g.counts))
            image = first if found.merged else image
        return found.output_place(image, self.group * g.group_rows + variable("j", found.n), y)

    def _values(self) -> dict[str, str]:
        """Constants, with the text of their values."""
        settings, found = self.out.settings, self.found
        text = settings.text
        tiles = f"triton.cdiv({found.m}, {text('block_m')})", f"triton.cdiv({found.n}, {text('block_n')})"
        steps = f"triton.cdiv({self.deep}, {text('block_k')})"
        known = {role.upper(): text(role) for role in ("block_m", "block_n", "block_k")}
        known |= {"TILES_M": tiles[0], "TILES_N": tiles[1], "TILES": f"{found.batch} * {' * '.join(tiles)}"}
        known |= {"STEPS": steps, "STAGES": text("num_stages")}
        if "group_m" in settings.decisions:
            known["GROUP_M"] = text("group_m")
        if "input_precision" in settings.decisions:
            # Triton's interpreter multiplies in float32, whatever it is told, and does not know every word.
            known["PRECISION"] = f'{text("input_precision")} if _EGG_DEVICE == "cuda" else "ieee"'
        if "promote" in settings.decisions:
            known["CHUNK"] = (
                f"triton.cdiv({text('promote')} or {self.deep * prod(found.geometry.taps)}, {text('block_k')})"
            )
        return known

    def _sum(self) -> None:
        """`acc`, the sums of a tile over the depth, in steps of one tap and BLOCK_K channels, or of BLOCK_K of both."""
        zeros = "tl.zeros([BLOCK_M, BLOCK_N], tl.float32)"
        count = positions.tap_count(self.found.geometry)
        steps = "STEPS" if not self.by_taps or count == "1" else f"{count} * STEPS"
        if "promote" in self.out.settings.decisions:
            # Tensor cores drop bits of a long sum: they add up parts of it, and the parts are added in float32.
            inner = self._steps("part", "start", f"tl.minimum(start + CHUNK, {steps})")
            lines = loop(f"start in tl.range(0, {steps}, CHUNK)", [f"part = {zeros}", *inner, "acc += part"])
        else:
            lines = self._steps("acc", "0", steps)
        self.body += [f"acc = {zeros}", *lines]

    def _steps(self, acc: str, low: str, high: str) -> list[str]:
        """The loop that adds a stretch of the depth to `acc`."""
        g, emitter = self.found.geometry, self.emitter
        outer, (walked, start) = emitter.scopes[0], self._walk()
        inside = _DEPTH | {f"u{axis.number}" for axis in g.axes}
        scope = Scope(outer.variables | inside)
        emitter.scopes, emitter.hint = [outer, scope], self.factors.filler
        left, right = self._left(), self._right()
        emitter.scopes, emitter.hint = [outer], lambda node, position: ""
        emitter.forget(inside)
        precision = ", input_precision=PRECISION" if self.found.dtype is DType.F32 else ""
        body = [*walked, *self.frame.defined("p", start), *self.frame.defined("q", start), *scope.lines]
        body.append(f"{acc} = tl.dot({left}, {right}, {acc}{precision})")
        return loop(f"k in tl.range({low}, {high}, num_stages=STAGES)", body)

    def _walk(self) -> tuple[list[str], str]:
        """What a step defines, and where its depth starts."""
        g = self.found.geometry
        if not self.by_taps:
            return [], "k * BLOCK_K"
        if prod(g.taps) == 1:
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
        place = found.input_place(self.image, self.group, *self._depth("p"))
        if self._copies["packed_x"]:
            image, channel, *at = place
            inside = [i + axis.low for i, axis in zip(at, g.axes, strict=True)]
            shape = (g.images, *(axis.padded for axis in g.axes), g.channels)
            value, uses = self.factors.copied("packed_x", linear((image, *inside, channel), shape), found.input)
            plain = True
        else:
            value, uses = self.factors.surrounded(found.input, found.plain_input, place)
            plain = found.plain_input
        return self._whole(value, uses, plain, "p", self.rows, "[BLOCK_M, BLOCK_K]")

    def _right(self) -> str:
        found, g = self.found, self.found.geometry
        (channel, u), row = self._depth("q"), variable("j", g.group_rows)
        if self._copies["packed_w"]:
            taps = [axis.tap(each) for axis, each in zip(g.axes, u, strict=True)] if self.by_taps else []
            deep = channel if self.by_taps else variable("q", self.deep)
            kernel = g.kernel if self.by_taps else ()
            position = linear((self.group, *taps, row, deep), (g.groups, *kernel, g.group_rows, self.deep))
            value, uses = self.factors.copied("packed_w", position, found.weights)
            plain = True
        else:
            value = self.emitter.value(found.weights.id, found.weights_place(self.group, row, channel, u))
            uses, plain = self.emitter.uses(value), found.plain_weights
        return self._whole(value, uses, plain, "q", frozenset("j"), "[BLOCK_K, BLOCK_N]")

    def _whole(self, value: str, uses: frozenset[str], plain: bool, deep: str, wide: frozenset[str], shape: str) -> str:
        """The tile, zero where there is no depth any more."""
        if not (plain and deep in uses) and not self.frame.blocks[deep].whole:
            value, uses = self.factors.within_depth(value, uses, deep, f"in_{deep}")
        return self.factors.tile(value, uses, (wide, frozenset([deep])), shape)
