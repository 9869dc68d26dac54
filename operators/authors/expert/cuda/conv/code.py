"""The kernel of a depthwise convolution: windows read through the first-level cache, or staged in shared memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from operators.authors.expert.cuda.conv.depthwise import Axis, Depthwise
from operators.authors.expert.cuda.expr import Emitter, Scope
from operators.authors.expert.cuda.functions import Functions
from operators.authors.expert.cuda.text import UNROLL, block
from operators.authors.expert.plan import KernelCode

# Positions from here on need 64 bits.
_WIDE = 2**31 - 2**20


@dataclass
class Code:
    """Writes one kernel. Variables of its text: image `n`, output channel `o`, plane `channel`, taps `ky` and `kx`,
    elements `py` and `px`, outputs `oy` and `ox`."""

    found: Depthwise
    out: Functions
    reads: dict[int, None] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        near = {*self.found.contraction.nodes, *(i for n in self.found.contraction.nodes for i in self.graph[n].inputs)}
        return "long" if max(self.graph[n].type.numel for n in near) >= _WIDE else "int"

    @property
    def graph(self):
        return self.found.graph

    def strips(self) -> KernelCode:
        """A thread has STRIP outputs below each other, for which it reads every element once."""
        y, x, kind = self.found.y, self.found.x, self.kind
        count = f"(({y.out} + STRIP - 1) / STRIP)"
        taps = [
            *_element("px", "ox", "kx", x),
            *self._value(),
            UNROLL,
            *block("for (int s = 0; s < STRIP; ++s)", [
                f"const int d = h - s * {y.stride};",
                f"if (d >= 0 && d % {y.dilation} == 0 && d / {y.dilation} < {y.taps}) "
                f"sums[s] += weights[d / {y.dilation} * {x.taps} + kx] * value;",
            ]),
        ]  # fmt: skip
        rows = [
            f"const int py = first * {y.stride} + h - {y.padding};",
            UNROLL,
            *block(f"for (int kx = 0; kx < {x.taps}; ++kx)", taps),
        ]
        stores = ["const float sum = sums[s];", "const int oy = first + s;"]
        body = [
            "// pass: windows in registers",
            f"const {kind} i = ({kind})blockIdx.x * THREADS + threadIdx.x;",
            f"if (i >= {self.found.planes * x.out}L * {count}) return;",
            f"const int ox = i % {x.out}, first = i / {x.out} % {count} * STRIP;",
            f"const {kind} plane = i / ({x.out} * {count});",
            *self._plane(),
            *self._weights(),
            "float sums[STRIP] = {};",
            UNROLL,
            *block(f"for (int h = 0; h < (STRIP - 1) * {y.stride} + {(y.taps - 1) * y.dilation + 1}; ++h)", rows),
            UNROLL,
            *block("for (int s = 0; s < STRIP; ++s)", [*stores, *block(f"if (oy < {y.out})", self._results())]),
        ]
        strip, threads = self.out.value("STRIP"), self.out.value("THREADS")
        each = f"{self.found.planes * x.out} * _egg_blocks({y.out}, {strip})"
        return self._code("strips", body, f"(_egg_blocks({each}, {threads}),)")

    def tiles(self) -> KernelCode:
        """A block has a tile of TILE_Y by TILE_X outputs of a plane, and in shared memory all that they read."""
        y, x = self.found.y, self.found.x
        fill = [
            f"const int py = first_y * {y.stride} - {y.padding} + i / WIDTH;",
            f"const int px = first_x * {x.stride} - {x.padding} + i % WIDTH;",
            *self._value(),
            "window[i] = value;",
        ]
        tap = [
            f"const int at = (i / TILE_X * {y.stride} + ky * {y.dilation}) * WIDTH "
            f"+ i % TILE_X * {x.stride} + kx * {x.dilation};",
            f"sum += weights[ky * {x.taps} + kx] * window[at];",
        ]
        outputs = [
            "const int oy = first_y + i / TILE_X, ox = first_x + i % TILE_X;",
            *block(f"if (oy < {y.out} && ox < {x.out})", ["float sum = 0.0f;", *_taps(y, x, tap), *self._results()]),
        ]
        body = [
            "// pass: windows in shared memory",
            f"constexpr int WIDTH = (TILE_X - 1) * {x.stride} + {(x.taps - 1) * x.dilation + 1};",
            f"constexpr int HEIGHT = (TILE_Y - 1) * {y.stride} + {(y.taps - 1) * y.dilation + 1};",
            f"constexpr int TILES_X = ({x.out} + TILE_X - 1) / TILE_X, TILES_Y = ({y.out} + TILE_Y - 1) / TILE_Y;",
            "__shared__ float window[HEIGHT * WIDTH];",
            f"const {self.kind} plane = blockIdx.x / (TILES_X * TILES_Y);",
            "const int first_y = blockIdx.x / TILES_X % TILES_Y * TILE_Y, first_x = blockIdx.x % TILES_X * TILE_X;",
            *self._plane(),
            UNROLL + " 4",
            *block("for (int i = threadIdx.x; i < HEIGHT * WIDTH; i += THREADS)", fill),
            *self._weights(),
            "__syncthreads();",
            *block("for (int i = threadIdx.x; i < TILE_Y * TILE_X; i += THREADS)", outputs),
        ]
        tiles = (f"_egg_blocks({a.out}, {self.out.value(m)})" for a, m in ((y, "TILE_Y"), (x, "TILE_X")))
        return self._code("tiles", body, f"({self.found.planes} * {' * '.join(tiles)},)")

    def _code(self, suffix: str, body: list[str], grid: str) -> KernelCode:
        outputs = self.found.contraction.outputs
        self.out.add(suffix, body, sorted(self.reads), outputs, grid=grid)
        return self.out.code(outputs)

    def _plane(self) -> list[str]:
        channels = self.found.channels * self.found.multiplier
        divided = f"o / {self.found.multiplier}" if self.found.multiplier > 1 else "o"
        return [f"const int n = plane / {channels}, o = plane % {channels}, channel = {divided};"]

    def _emitter(self, scope: Scope | None = None) -> Emitter:
        sums = {self.found.contraction.node.id: lambda index: "sum"}
        nodes = self.found.contraction.nodes
        return Emitter(self.graph, nodes, sums, scopes=[scope] if scope else [], reads=self.reads)

    def _value(self) -> list[str]:
        """Defines `value`, the element at `py`, `px`: 0 outside, after whatever comes before the convolution."""
        source = self.found.contraction.node.inputs[0]
        axes = [("px", self.found.x), *([] if self.found.flat else [("py", self.found.y)])]
        checks = [f"(unsigned){name} < {axis.size}u" for name, axis in axes]
        emitter = self._emitter()
        lines = emitter.guarded(checks, source, self.found.element(), "value = {};", self.graph[source].dtype)
        return ["float value = 0.0f;", *lines]

    def _weights(self) -> list[str]:
        """Takes the channel's weights into registers."""
        emitter = self._emitter()
        value = emitter.value(self.found.contraction.node.inputs[1], self.found.weight())
        lines = [*emitter.take_lines(), f"weights[ky * {self.found.x.taps} + kx] = {value};"]
        return [f"float weights[{self.found.taps}];", *_taps(self.found.y, self.found.x, lines)]

    def _results(self) -> list[str]:
        """Stores what follows from `sum` at `oy`, `ox`."""
        places = self.found.contraction.places(self.found.result())
        emitter = self._emitter()
        stores = [emitter.store(o, places[o])[1] for o in self.found.contraction.outputs]
        return [*emitter.take_lines(), *stores]


def _element(name: str, output: str, tap: str, axis: Axis) -> list[str]:
    return [f"const int {name} = {output} * {axis.stride} - {axis.padding} + {tap} * {axis.dilation};"]


def _taps(y: Axis, x: Axis, body: list[str]) -> list[str]:
    inner = [UNROLL, *block(f"for (int kx = 0; kx < {x.taps}; ++kx)", body)]
    return [UNROLL, *block(f"for (int ky = 0; ky < {y.taps}; ++ky)", inner)]
