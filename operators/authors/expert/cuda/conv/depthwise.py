"""A depthwise convolution in one or two dimensions, with elementwise work around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from operators.authors.expert.cuda.expr import Emitter, Scope
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.expr import Place, Unsupported
from operators.authors.expert.kernels.index import variable
from operators.authors.expert.kernels.matmul.contraction import Contraction, Known, find

_MOST_TAPS = 64  # weights of a channel that a thread holds in registers


@dataclass(frozen=True)
class Axis:
    """A spatial axis: elements, outputs, taps, and how they meet."""

    size: int
    out: int
    taps: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1


@dataclass(frozen=True)
class Depthwise:
    """Every output channel reads one plane: `multiplier` output channels a plane. `y` has one element in 1-D."""

    contraction: Contraction
    images: int
    channels: int
    multiplier: int
    y: Axis
    x: Axis
    flat: bool  # one dimension

    @property
    def graph(self) -> Graph:
        return self.contraction.graph

    @property
    def planes(self) -> int:
        """Of outputs."""
        return self.images * self.channels * self.multiplier

    @property
    def taps(self) -> int:
        return self.y.taps * self.x.taps

    @property
    def outputs(self) -> int:
        return self.planes * self.y.out * self.x.out

    def element(self) -> Place:
        """The element at `py`, `px` of plane `channel` of image `n`."""
        place = (variable("n", self.images), variable("channel", self.channels))
        return self._spatial(place, ("py", self.y.size), ("px", self.x.size))

    def weight(self) -> Place:
        """Tap `ky`, `kx` of output channel `o`."""
        place = (variable("o", self.channels * self.multiplier), variable("one", 1))
        return self._spatial(place, ("ky", self.y.taps), ("kx", self.x.taps))

    def result(self) -> Place:
        """The output at `oy`, `ox` of output channel `o` of image `n`."""
        place = (variable("n", self.images), variable("o", self.channels * self.multiplier))
        return self._spatial(place, ("oy", self.y.out), ("ox", self.x.out))

    def _spatial(self, place: Place, y: tuple[str, int], x: tuple[str, int]) -> Place:
        return (*place, variable(*x)) if self.flat else (*place, variable(*y), variable(*x))


def depthwise(graph: Graph, nodes: Sequence[int], outputs: Sequence[int]) -> Depthwise | None:
    """The convolution that these nodes compute, or None when they are not just one of this form."""
    return _depthwise(Known(graph), tuple(nodes), tuple(outputs))


@lru_cache(maxsize=512)
def _depthwise(known: Known, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Depthwise | None:
    graph = known.graph
    found = find(graph, nodes, outputs, "conv")
    if found is None or len(found.node.shape) not in (3, 4):
        return None
    core, (x, w) = found.node, (graph[i] for i in found.node.inputs)
    if w.shape[1] != 1 or core.attrs["groups"] != x.shape[1] or x.shape[1] == 1 or prod(w.shape[2:]) > _MOST_TAPS:
        return None
    settings = (core.attrs[name] for name in ("stride", "padding", "dilation"))
    axes = [Axis(*each) for each in zip(x.shape[2:], core.shape[2:], w.shape[2:], *settings, strict=True)]
    flat = len(axes) == 1
    made = Depthwise(
        found, x.shape[0], x.shape[1], w.shape[0] // x.shape[1], Axis(1, 1) if flat else axes[0], axes[-1], flat
    )
    return made if _writable(made) else None


def _writable(found: Depthwise) -> bool:
    """Whether every value can be computed at its place."""
    places = found.contraction.places(found.result())
    if places is None:
        return False
    core = found.contraction.node
    emitter = Emitter(found.graph, found.contraction.nodes, {core.id: lambda index: "sum"}, scopes=[Scope(frozenset())])
    try:
        emitter.value(core.inputs[0], found.element())
        emitter.value(core.inputs[1], found.weight())
        for output in found.contraction.outputs:
            emitter.store(output, places[output])
    except Unsupported:
        return False
    return True
