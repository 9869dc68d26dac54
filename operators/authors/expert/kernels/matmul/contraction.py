"""One contraction among elementwise work: which nodes follow it, and where its elements go in each of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.ops import GATHERS, MAPS, VIEWS
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, linear, unravel
from operators.authors.expert.kernels.views import PURE_VIEWS

_BEFORE = MAPS | VIEWS | GATHERS | {"const", "iota"}
_FLOATS = frozenset([DType.F32, DType.F16, DType.BF16])


@dataclass(frozen=True)
class Contraction:
    """`node` is the only contraction among `nodes`; `after` are the nodes that depend on it, in order."""

    graph: Graph
    nodes: tuple[int, ...]
    outputs: tuple[int, ...]
    node: Node
    after: tuple[int, ...]

    def places(self, place: Place) -> dict[int, Place] | None:
        """The index at which each node after the contraction reads its element at `place`.

        None when some node does not read every element exactly once, or reads two of them together.
        """
        found = {self.node.id: place}
        for node in (self.graph[i] for i in self.after):
            here = {_moved(self.graph, i, node, found[i]) for i in dict.fromkeys(node.inputs) if i in found}
            if len(here) != 1 or None in here:
                return None
            (found[node.id],) = here
        return found

    def plain(self, node: Node) -> bool:
        """Whether a factor is in memory as it is multiplied, but for the order of its elements."""
        while node.id in self.nodes and node.op in PURE_VIEWS:
            node = self.graph[node.inputs[0]]
        return node.id not in self.nodes and node.op not in ("const", "iota")


@dataclass(frozen=True, eq=False)
class Known:
    """Carries a graph past a cache, which knows it by identity and so keeps it alive."""

    graph: Graph

    def __hash__(self) -> int:
        return id(self.graph)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and other.graph is self.graph


def find(graph: Graph, nodes: Sequence[int], outputs: Collection[int], op: str) -> Contraction | None:
    """The contraction of kind `op` that these nodes consist of, with its prologue and epilogue, or None."""
    cores = [i for i in nodes if graph[i].op == op]
    if len(cores) != 1 or any(graph[i].op not in _BEFORE for i in nodes if i != cores[0]):
        return None
    core = graph[cores[0]]
    around = (core, *(graph[i] for i in core.inputs))
    if any(n.dtype not in _FLOATS or n.type.numel == 0 for n in around):
        return None
    depends = {core.id}
    for i in sorted(nodes):
        if depends & set(graph[i].inputs):
            depends.add(i)
    if not set(outputs) <= depends or any(graph[i].op in (VIEWS | GATHERS) - _REPLACED for i in depends - {core.id}):
        return None
    return Contraction(graph, tuple(nodes), tuple(outputs), core, tuple(sorted(depends - {core.id})))


_REPLACED = frozenset(["reshape", "permute", "broadcast"])


def _moved(graph: Graph, source: int, node: Node, place: Place) -> Place | None:
    """Where an element of `source` lies in `node`; None when it lies in several places or none."""
    given = graph[source]
    if node.op == "permute":
        return tuple(place[d] for d in node.attrs["dims"])
    if given.type.numel != node.type.numel:
        return None
    if node.op == "reshape":
        return unravel(linear(place, given.shape), node.shape)
    return (Index(),) * (len(node.shape) - len(given.shape)) + place
