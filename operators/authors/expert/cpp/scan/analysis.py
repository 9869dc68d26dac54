"""What a scan kernel computes: one scan between an elementwise prologue and an elementwise epilogue."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from operators.authors.expert.cpp.expr import Emitter, Place, Scope, Unsupported
from operators.authors.expert.ir.graph import DType, Graph
from operators.authors.expert.ir.ops import CONTRACTS, LIBRARY, REDUCES
from operators.authors.expert.kernels.index import Index, linear, unravel, variable


@dataclass(frozen=True)
class Scan:
    """The scan node's shape is seen as (outer, length, inner); loop variables `o`, `s` and `i` run over it."""

    graph: Graph
    nodes: frozenset[int]
    outputs: tuple[int, ...]
    scan: int

    @property
    def op(self) -> str:
        return self.graph[self.scan].attrs["op"]

    @property
    def sizes(self) -> tuple[int, int, int]:
        shape, axis = self.graph[self.scan].shape, self.graph[self.scan].attrs["axis"]
        return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])

    @property
    def carried(self) -> DType:
        """The type of the carry: float sums and products carry in double, as torch does."""
        dtype = self.graph[self.scan].dtype
        return DType.F64 if dtype.is_float and self.op in ("sum", "prod") else dtype

    @property
    def position(self) -> Index:
        """The row-major position of step `s`, counted from the end of the axis when the scan is reversed."""
        outer, length, inner = self.sizes
        step = variable("s", length)
        step = step * -1 + (length - 1) if self.graph[self.scan].attrs["reverse"] else step
        return variable("o", outer) * (length * inner) + step * inner + variable("i", inner)

    def place(self, node_id: int) -> Place:
        return unravel(self.position, self.graph[node_id].shape)

    def emitter(self, scopes: list[Scope], running: str, reads: dict[int, None]) -> Emitter:
        """Values at the current step; `running` is the text of the scan's."""

        def at(index: Place) -> str:
            if linear(index, self.graph[self.scan].shape) != self.position:
                raise Unsupported("the scan is needed at another step")
            return running

        return Emitter(self.graph, self.nodes, {self.scan: at}, scopes=scopes, reads=reads)


def analyse(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Scan:
    """Raises Unsupported unless the nodes are one scan with elementwise work around it, all of the scan's size."""
    inside = frozenset(n for n in nodes if graph[n].op not in ("input", "state"))
    scans = [n for n in inside if graph[n].op == "scan"]
    other = REDUCES | CONTRACTS | LIBRARY | {"window"}
    if len(scans) != 1 or not outputs or any(graph[n].op in other for n in inside):
        raise Unsupported("not one scan")
    scan = Scan(graph, inside, tuple(outputs), scans[0])
    numel = graph[scans[0]].type.numel
    if numel == 0 or any(graph[o].type.numel != numel for o in outputs):
        raise Unsupported("an output of another size than the scan")
    source = graph[scans[0]].inputs[0]
    scan.emitter([], "", {}).value(source, scan.place(scans[0]))
    for output in outputs:
        scan.emitter([], "", {}).value(output, scan.place(output))
    return scan
