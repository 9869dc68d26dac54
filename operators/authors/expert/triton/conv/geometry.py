"""Which inputs and taps an output position of a convolution reads; a transposed convolution as a gather.

Output `y * step + f` of an axis reads, for u in range(uses(f)), tap `first(f) + u * every` at the input position
`y * along + u * between + base(f)`. An ordinary convolution has the one phase f = 0. A transposed one has a phase for
every residue of its stride, and in each of them it is an ordinary convolution with some of the taps: no tap is visited
that would meet the zeros between inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, gcd, prod

from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.kernels.index import Index, opaque, ranged, variable


@dataclass(frozen=True)
class Axis:
    """One spatial axis, number `number`. Its variables: y<number>, f<number>, u<number>."""

    number: int
    size: int
    kernel: int
    out: int
    stride: int
    padding: int
    dilation: int
    transposed: bool

    @property
    def step(self) -> int:
        """How far apart outputs of one phase lie."""
        return self.stride if self.transposed else 1

    @property
    def phases(self) -> int:
        return min(self.step, self.out)

    @property
    def count(self) -> int:
        """Outputs of the longest phase."""
        return ceil(self.out / self.step)

    @property
    def ragged(self) -> bool:
        """Whether some phases have fewer outputs than others."""
        return self.phases > 1 and self.out % self.step != 0

    @property
    def common(self) -> int:
        return gcd(self.stride, self.dilation) if self.transposed else 1

    @property
    def every(self) -> int:
        return self.stride // self.common if self.transposed else 1

    @property
    def inverse(self) -> int:
        """Of the taps' distance, in the phases that have taps."""
        return pow(self.dilation // self.common, -1, self.every) if self.every > 1 else 0

    def first(self, f: int) -> int:
        return (f + self.padding) // self.common * self.inverse % self.every if self.transposed else 0

    def uses(self, f: int) -> int:
        if self.transposed and (f + self.padding) % self.common:
            return 0
        return (self.kernel - self.first(f) + self.every - 1) // self.every

    def base(self, f: int) -> int:
        if not self.transposed:
            return -self.padding
        return (f + self.padding - self.first(f) * self.dilation) // self.stride

    @property
    def along(self) -> int:
        return 1 if self.transposed else self.stride

    @property
    def between(self) -> int:
        return -(self.dilation // self.common) if self.transposed else self.dilation

    @property
    def taps(self) -> int:
        """Taps of the phase that has most."""
        return max(self.uses(f) for f in range(self.phases))

    @cached_property
    def reach(self) -> tuple[int, int]:
        """The lowest and the highest input position that is asked for, padding included."""
        ends = [
            y * self.along + u * self.between + self.base(f)
            for f in range(self.phases)
            for y in (0, (self.out - 1 - f) // self.step)
            for u in (0, self.uses(f) - 1)
            if self.uses(f)
        ]
        return min(ends), max(ends)

    @property
    def low(self) -> int:
        """Zeros before the input."""
        return max(0, -self.reach[0])

    @property
    def padded(self) -> int:
        """The input's length with zeros at both ends."""
        return self.low + max(self.size, self.reach[1] + 1)

    @property
    def y(self) -> Index:
        return variable(f"y{self.number}", self.count)

    @property
    def u(self) -> Index:
        return variable(f"u{self.number}", self.taps)

    def position(self, u: Index) -> Index:
        """Of the input that tap number `u` of output `y` reads; outside of [0, size) there are zeros."""
        return self.y * self.along + u * self.between + self._known("base", [self.base(f) for f in range(self.phases)])

    def tap(self, u: Index) -> Index:
        """The tap whose number in this phase is `u`."""
        first = self._known("first", [self.first(f) for f in range(self.phases)])
        return ranged(u * self.every + first, 0, self.kernel - 1)

    def output(self, y: Index) -> Index:
        return ranged(y * self.step + variable(f"f{self.number}", self.phases), 0, self.out - 1)

    def _known(self, name: str, values: list[int]) -> Index:
        return opaque(f"{name}{self.number}", min(values), max(values), [f"f{self.number}"])

    def defined(self) -> list[str]:
        """Statements that define first, taps and base of phase f, where there are several."""
        if self.phases == 1:
            return []
        d = self.number
        shifted = f"(f{d} + {self.padding})" if self.padding else f"f{d}"
        taps = f"({self.kernel + self.every - 1} - first{d}) // {self.every}"
        if self.common > 1:
            taps = f"tl.where({shifted} % {self.common} == 0, {taps}, 0)"
        whole = f"{shifted} // {self.common}" if self.common > 1 else shifted
        first = whole if self.inverse == 1 else f"{whole} * {self.inverse}"
        return [
            f"first{d} = {first} % {self.every}",
            f"taps{d} = {taps}",
            f"base{d} = ({shifted} - {self.dilation} * first{d}) // {self.stride}",
        ]


@dataclass(frozen=True)
class Geometry:
    images: int
    channels: int  # of the input
    rows: int  # channels of the output
    groups: int
    axes: tuple[Axis, ...]
    transposed: bool

    @property
    def group_channels(self) -> int:
        return self.channels // self.groups

    @property
    def group_rows(self) -> int:
        return self.rows // self.groups

    @property
    def counts(self) -> tuple[int, ...]:
        return tuple(axis.count for axis in self.axes)

    @property
    def positions(self) -> int:
        """Outputs of the longest phase of a channel."""
        return prod(self.counts)

    @property
    def phases(self) -> int:
        return prod(axis.phases for axis in self.axes)

    @property
    def taps(self) -> tuple[int, ...]:
        return tuple(axis.taps for axis in self.axes)

    @property
    def kernel(self) -> tuple[int, ...]:
        return tuple(axis.kernel for axis in self.axes)

    @property
    def flops(self) -> int:
        """Of all taps, those that fall into the padding included."""
        per_axis = (
            sum(axis.uses(f) * ((axis.out - 1 - f) // axis.step + 1) for f in range(axis.phases)) for axis in self.axes
        )
        return 2 * self.images * self.rows * self.group_channels * prod(per_axis)


def geometry(graph: Graph, node: Node) -> Geometry:
    """The sizes of a `conv` or `conv_transpose` node."""
    x, w = (graph[i] for i in node.inputs)
    transposed = node.op == "conv_transpose"
    sizes = zip(x.shape[2:], w.shape[2:], node.shape[2:], strict=True)
    settings = zip(*(node.attrs[name] for name in ("stride", "padding", "dilation")), strict=True)
    axes = tuple(
        Axis(d, *size, *setting, transposed) for d, (size, setting) in enumerate(zip(sizes, settings, strict=True))
    )
    return Geometry(x.shape[0], x.shape[1], node.shape[1], node.attrs["groups"], axes, transposed)
