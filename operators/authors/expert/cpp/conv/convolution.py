"""A convolution with its prologues and its epilogue, ready to be scheduled and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from operators.authors.expert.cpp.conv.geometry import Geometry, geometry
from operators.authors.expert.cpp.expr import Emitter, Place, Unsupported
from operators.authors.expert.cpp.matmul.epilogue import Epilogue, epilogue, mergeable, positions
from operators.authors.expert.cpp.matmul.operand import Operand, operand
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.index import Index, unravel, variable
from operators.authors.expert.kernels.matmul.contraction import Contraction, Known, find

_LARGEST = 1 << 30  # elements that offsets in an image may reach


@dataclass(frozen=True)
class Input:
    """An element of the input at image `n`, channel `c`, and `y0`, ..., `u` along the spatial axes."""

    lines: tuple[str, ...]
    value: str
    reads: tuple[int, ...]


@dataclass(frozen=True)
class Convolution:
    """One product a group of an image: rows are output channels, columns positions, the depth channels and taps."""

    contraction: Contraction
    geometry: Geometry
    weights: Operand
    input: Input
    image: Operand | None  # the input as a factor of a product, for a pointwise convolution
    epilogue: Epilogue

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(sorted({*self.weights.reads, *self.input.reads, *self.epilogue.reads}))

    @property
    def flops(self) -> int:
        g = self.geometry
        return 2 * g.batch * g.group_rows * g.depth * prod(g.out)


def convolution(graph: Graph, nodes: Sequence[int], outputs: Sequence[int]) -> Convolution | None:
    """The convolution that these nodes compute, or None when they are not just one and elementwise work."""
    return _convolution(Known(graph), tuple(nodes), tuple(outputs))


@lru_cache(maxsize=512)
def _convolution(known: Known, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Convolution | None:
    found = find(known.graph, nodes, outputs, "conv")
    if found is None or len(found.node.shape) not in (3, 4, 5):
        return None
    g = geometry(known.graph, found.node)
    if g.group_channels * g.plane > _LARGEST or prod(g.kernel) > 4096:
        return None
    try:
        after = _epilogue(found, g)
        if after is None:
            return None
        image = _image(found, g) if g.pointwise else None
        return Convolution(found, g, _weights(found, g), _input(found, g), image, after)
    except Unsupported:
        return None


def _batch(g: Geometry) -> tuple[Index, Index]:
    """Image and group of a product."""
    batch = variable("batch", g.batch)
    return batch // g.groups, batch % g.groups


def _weights(found: Contraction, g: Geometry) -> Operand:
    row = _batch(g)[1] * g.group_rows + variable("i", g.group_rows)
    axes = [("c", g.group_channels), *((f"r{d}", k) for d, k in enumerate(g.kernel))]

    def at(place: Place) -> Operand:
        return operand(found.graph, found.nodes, found.node.inputs[1], (row, *place), "i")

    if mergeable(at(tuple(variable(*axis) for axis in axes)).positions, axes):
        return at(_running(axes, "p"))
    return at(unravel(variable("p", g.depth), (g.group_channels, *g.kernel)))


def _input(found: Contraction, g: Geometry) -> Input:
    names = [f"y{d}" for d in range(len(g.size) - 1)] + ["u"]
    place = (variable("n", g.images), variable("c", g.channels), *map(variable, names, g.size))
    emitter = Emitter(found.graph, found.nodes)
    value = emitter.value(found.node.inputs[0], place)
    return Input(tuple(emitter.lines), value, tuple(emitter.reads))


def _image(found: Contraction, g: Geometry) -> Operand:
    image, group = _batch(g)
    channel = group * g.group_channels + variable("p", g.group_channels)
    axes = [(f"y{d}", size) for d, size in enumerate(g.out)]

    def at(place: Place) -> Operand:
        return operand(found.graph, found.nodes, found.node.inputs[0], (image, channel, *place), "j")

    if mergeable(at(tuple(variable(*axis) for axis in axes)).positions, axes):
        return at(_running(axes, "j"))
    return at(unravel(variable("j", prod(g.out)), g.out))


def _epilogue(found: Contraction, g: Geometry) -> Epilogue | None:
    image, group = _batch(g)
    head = (image, group * g.group_rows + variable("i", g.group_rows))
    axes = [(f"y{d}", size) for d, size in enumerate(g.out)]
    probe = positions(found, (*head, *(variable(*axis) for axis in axes)))
    if probe is None:
        return None
    if mergeable(probe, axes):
        return epilogue(found, lambda _: (*head, *_running(axes, "j")), prod(g.out))
    cuts = [prod(g.out[d:]) for d in range(1, len(g.out))]
    return epilogue(found, lambda j: (*head, *unravel(j, g.out)), prod(g.out), cuts)


def _running(axes: Sequence[tuple[str, int]], name: str) -> Place:
    """An index in which `name` runs on along the innermost axis of more than one element, past its own size."""
    last = max((d for d, (_, size) in enumerate(axes) if size > 1), default=-1)
    return tuple(variable(name, size) if d == last else Index() for d, (_, size) in enumerate(axes))
