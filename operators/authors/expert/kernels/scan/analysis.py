"""What a scan kernel computes: scans along one axis, with elementwise work before, between and after them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.ops import CONTRACTS, LIBRARY, REDUCES
from operators.authors.expert.kernels.expr import Place, Unsupported
from operators.authors.expert.kernels.index import Index, unravel, variable
from operators.authors.expert.kernels.nest.trace import Trace


@dataclass(frozen=True)
class Scans:
    """The shape of all scans is seen as (outer, length, inner); loop variables `o`, `s` and `i` run over it.

    `from_end`: `s` counts the steps of a reversed scan from where it starts; else it is the position on the axis.
    """

    graph: Graph
    nodes: frozenset[int]
    outputs: tuple[int, ...]
    scans: tuple[int, ...]  # in topological order
    from_end: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return self.graph[self.scans[0]].shape

    @property
    def axis(self) -> int:
        return self.graph[self.scans[0]].attrs["axis"]

    @property
    def reverse(self) -> bool:
        return self.graph[self.scans[0]].attrs["reverse"]

    @property
    def sizes(self) -> tuple[int, int, int]:
        return prod(self.shape[: self.axis]), self.shape[self.axis], prod(self.shape[self.axis + 1 :])

    @property
    def position(self) -> Index:
        """The row-major position of step `s`."""
        outer, length, inner = self.sizes
        step = variable("s", length)
        step = step * -1 + (length - 1) if self.reverse and self.from_end else step
        return variable("o", outer) * (length * inner) + step * inner + variable("i", inner)

    def place(self, node_id: int) -> Place:
        return unravel(self.position, self.graph[node_id].shape)

    def steps_ago(self, scan: int, index: Place) -> int:
        """0 where `index` of a scan is the current step, 1 where it is the step before. Raises Unsupported."""
        here, there = self.place(scan), tuple(map(_plain, index))
        apart = [b - a for a, b in zip(here, there, strict=True)]
        moved = apart.pop(self.axis)
        before = 1 if self.reverse else -1
        if any(map(_moves, apart)) or moved.terms or moved.constant not in (0, before):
            raise Unsupported("a scan is needed at another step")
        return int(moved.constant != 0)


def _plain(index: Index) -> Index:
    """The index as a sum of variables, whatever is known of the range of its parts."""
    total = Index(constant=index.constant)
    for atom, c in index.terms:
        total = total + (_plain(atom.inner) if atom.inner else Index(((atom, 1),))) * c
    return total


def _moves(apart: Index) -> bool:
    return bool(apart.terms or apart.constant)


def analyse(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...], from_end: bool = False) -> Scans:
    """Raises Unsupported unless the nodes are scans of one shape, axis and direction and elementwise work of that size
    around them, which needs each scan at the current step or at the one before."""
    inside = frozenset(n for n in nodes if graph[n].op not in ("input", "state"))
    scans = tuple(sorted(n for n in inside if graph[n].op == "scan"))
    other = REDUCES | CONTRACTS | LIBRARY | {"window"}
    if not scans or not outputs or any(graph[n].op in other for n in inside):
        raise Unsupported("no scan, or more than scans")
    found = Scans(graph, inside, tuple(outputs), scans, from_end)
    kinds = {(graph[n].shape, graph[n].attrs["axis"], graph[n].attrs["reverse"]) for n in scans}
    numel = graph[scans[0]].type.numel
    if len(kinds) > 1 or numel == 0 or any(graph[o].type.numel != numel for o in outputs):
        raise Unsupported("scans and results of several sizes")
    walk = Trace(graph, inside, {n: lambda index, n=n: f"{n}:{found.steps_ago(n, index)}" for n in scans})
    for scan in scans:
        walk.value(graph[scan].inputs[0], found.place(scan))
    for output in outputs:
        walk.value(output, found.place(output))
    return found


def depends(found: Scans, scan: int) -> bool:
    """Whether a scan needs another one's values."""
    stack, seen = [*found.graph[scan].inputs], set()
    while stack:
        node = stack.pop()
        if node in found.scans:
            return True
        if node in found.nodes and node not in seen:
            seen.add(node)
            stack += found.graph[node].inputs
    return False
