"""A convolution with its prologues and its epilogue, and its sizes as a product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.expr import Place, Unsupported
from operators.authors.expert.kernels.index import Index, variable
from operators.authors.expert.kernels.matmul.contraction import Contraction, Known, find
from operators.authors.expert.triton.conv.geometry import Geometry, geometry
from operators.authors.expert.triton.expr import Emitter, Scope

# Positions from here on need 64 bits; what is masked off may lie a tile further.
_WIDE = 2**31 - 2**20
_TILE = 128


@dataclass(frozen=True, eq=False)
class Convolution:
    """As a product: `batch` times [m, k] by [k, n] in each phase. Rows are output positions, columns output channels
    of a group, the depth is input channels times taps. `plain`: the factor is in memory as it is multiplied."""

    contraction: Contraction
    geometry: Geometry
    reads: tuple[int, ...]
    plain_input: bool
    plain_weights: bool

    @property
    def graph(self) -> Graph:
        return self.contraction.graph

    @property
    def input(self) -> Node:
        return self.graph[self.contraction.node.inputs[0]]

    @property
    def weights(self) -> Node:
        return self.graph[self.contraction.node.inputs[1]]

    @property
    def dtype(self) -> DType:
        """The type that is multiplied; sums are float32."""
        return self.input.dtype

    @property
    def merged(self) -> bool:
        """Whether rows run on from image to image, because tiles of one image would be too empty."""
        g = self.geometry
        return g.images > 1 and 10 * _TILE * ceil(g.positions / _TILE) > 11 * g.positions

    @property
    def batch(self) -> int:
        return self.geometry.groups * (1 if self.merged else self.geometry.images)

    @property
    def m(self) -> int:
        return self.geometry.positions * (self.geometry.images if self.merged else 1)

    @property
    def n(self) -> int:
        return self.geometry.group_rows

    @property
    def k(self) -> int:
        return self.geometry.group_channels * prod(self.geometry.taps)

    @property
    def parts(self) -> int:
        """Sums of one part of the depth."""
        return self.batch * self.m * self.n

    @property
    def wide(self) -> bool:
        """Whether positions in some tensor exceed 32 bits, padded copies included."""
        nodes, g = self.contraction.nodes, self.geometry
        near = {*nodes, *(i for n in nodes for i in self.graph[n].inputs)}
        padded = g.images * g.channels * prod(axis.padded for axis in g.axes)
        return max(padded, *(self.graph[n].type.numel for n in near)) >= _WIDE

    def input_place(self, image: Index, group: Index, channel: Index, u: Sequence[Index]) -> Place:
        """The element that meets tap `u`; along the axes it may lie outside."""
        g = self.geometry
        positions = (axis.position(each) for axis, each in zip(g.axes, u, strict=True))
        return (image, group * g.group_channels + channel, *positions)

    def weights_place(self, group: Index, row: Index, channel: Index, u: Sequence[Index]) -> Place:
        """The weight of tap `u` from `channel` to `row`, both counted within the group."""
        g = self.geometry
        taps = tuple(axis.tap(each) for axis, each in zip(g.axes, u, strict=True))
        if g.transposed:
            return (group * g.group_channels + channel, row, *taps)
        return (group * g.group_rows + row, channel, *taps)

    def output_place(self, image: Index, row: Index, y: Sequence[Index]) -> Place:
        return (image, row, *(axis.output(each) for axis, each in zip(self.geometry.axes, y, strict=True)))


def convolution(graph: Graph, nodes: Sequence[int], outputs: Sequence[int]) -> Convolution | None:
    """The convolution that these nodes compute, or None when they are not just one and elementwise work."""
    return _convolution(Known(graph), tuple(nodes), tuple(outputs))


@lru_cache(maxsize=512)
def _convolution(known: Known, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Convolution | None:
    graph = known.graph
    found = find(graph, nodes, outputs, "conv") or find(graph, nodes, outputs, "conv_transpose")
    if found is None or len(found.node.shape) not in (3, 4, 5):
        return None
    x, w = found.node.inputs
    g = geometry(graph, found.node)
    if graph[x].dtype is not graph[w].dtype or prod(g.taps) == 0:
        return None
    probe = Convolution(found, g, (), found.plain(graph[x]), found.plain(graph[w]))
    reads = _reads(probe)
    if reads is None:
        return None
    return Convolution(found, g, reads, probe.plain_input, probe.plain_weights)


def _reads(probe: Convolution) -> tuple[int, ...] | None:
    """What a kernel reads, found by writing it; None if it cannot be written."""
    found, g = probe.contraction, probe.geometry
    image, group = variable("image", g.images), variable("group", g.groups)
    channel, row = variable("p", g.group_channels), variable("j", g.group_rows)
    u, y = [axis.u for axis in g.axes], [axis.y for axis in g.axes]
    places = found.places(probe.output_place(image, group * g.group_rows + row, y))
    if places is None:
        return None
    sums = {found.node.id: lambda index: "sums"}
    emitter = Emitter(found.graph, found.nodes, sums, scopes=[Scope(frozenset())])
    try:
        emitter.value(probe.input.id, probe.input_place(image, group, channel, u))
        emitter.value(probe.weights.id, probe.weights_place(group, row, channel, u))
        for output in found.outputs:
            emitter.store(output, places[output])
    except Unsupported:
        return None
    return tuple(sorted(emitter.reads))
