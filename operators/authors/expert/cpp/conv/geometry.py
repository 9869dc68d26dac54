"""Where the taps of a convolution lie in its padded input, with strides unfolded into phases.

A padded plane holds, for every phase that a tap uses, the input's elements at that phase of the stride. There, tap t of
output position q is `q + taps[t]`, where q counts positions of padded lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.kernels.index import strides


@dataclass(frozen=True)
class Geometry:
    """Sizes of one convolution; tuples have an entry a spatial axis."""

    images: int
    channels: int
    rows: int  # output channels
    groups: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    out: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def batch(self) -> int:
        return self.images * self.groups

    @property
    def group_channels(self) -> int:
        return self.channels // self.groups

    @property
    def group_rows(self) -> int:
        return self.rows // self.groups

    @property
    def depth(self) -> int:
        return self.group_channels * prod(self.kernel)

    @property
    def pointwise(self) -> bool:
        return prod(self.kernel) == 1 and set(self.stride) == {1} and not any(self.padding)

    @cached_property
    def phases(self) -> tuple[tuple[int, ...], ...]:
        """Per axis, the phases of the stride that some tap uses."""
        axes = zip(self.kernel, self.dilation, self.stride, strict=True)
        return tuple(tuple(sorted({r * d % s for r in range(k)})) for k, d, s in axes)

    @cached_property
    def lines(self) -> tuple[int, ...]:
        """The sizes of one phase of a padded plane."""
        axes = zip(self.out, self.kernel, self.dilation, self.stride, strict=True)
        return tuple(o + (k - 1) * d // s for o, k, d, s in axes)

    @property
    def plane(self) -> int:
        """Elements of one padded channel, all phases."""
        return prod(map(len, self.phases)) * prod(self.lines)

    @property
    def columns(self) -> int:
        """Positions from the first to the last output element."""
        return sum((o - 1) * step for o, step in zip(self.out, strides(self.lines), strict=True)) + 1

    @cached_property
    def taps(self) -> tuple[int, ...]:
        """The offset of each tap, row-major over the kernel."""
        counts, steps = strides([len(p) for p in self.phases]), strides(self.lines)
        found = []
        for tap in product(*map(range, self.kernel)):
            reach = [r * d for r, d in zip(tap, self.dilation, strict=True)]
            slot = sum(
                phases.index(x % s) * count
                for x, s, phases, count in zip(reach, self.stride, self.phases, counts, strict=True)
            )
            shift = sum(x // s * step for x, s, step in zip(reach, self.stride, steps, strict=True))
            found.append(slot * prod(self.lines) + shift)
        return tuple(found)


def geometry(graph: Graph, node: Node) -> Geometry:
    """The sizes of a `conv` node."""
    x, w = (graph[i] for i in node.inputs)
    attrs = {name: tuple(node.attrs[name]) for name in ("stride", "padding", "dilation")}
    return Geometry(
        x.shape[0], x.shape[1], w.shape[0], node.attrs["groups"], x.shape[2:], w.shape[2:], node.shape[2:], **attrs
    )
