"""What a scan kernel computes: one scan between an elementwise prologue and an elementwise epilogue."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.cpp.expr import Emitter, Place, Scope, Unsupported
from operators.authors.expert.ir.graph import DType, Graph
from operators.authors.expert.kernels.scan.analysis import Scans
from operators.authors.expert.kernels.scan.analysis import analyse as analyse_scans


@dataclass(frozen=True)
class Scan(Scans):
    @property
    def scan(self) -> int:
        return self.scans[0]

    @property
    def op(self) -> str:
        return self.graph[self.scan].attrs["op"]

    @property
    def carried(self) -> DType:
        """The type of the carry: float sums and products carry in double, as torch does."""
        dtype = self.graph[self.scan].dtype
        return DType.F64 if dtype.is_float and self.op in ("sum", "prod") else dtype

    def emitter(self, scopes: list[Scope], running: str, reads: dict[int, None]) -> Emitter:
        """Values at the current step; `running` is the text of the scan's."""

        def at(index: Place) -> str:
            if self.steps_ago(self.scan, index):
                raise Unsupported("the scan is needed at another step")
            return running

        return Emitter(self.graph, self.nodes, {self.scan: at}, scopes=scopes, reads=reads)


def analyse(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Scan:
    """Raises Unsupported unless the nodes are one scan with elementwise work around it, all of the scan's size."""
    found = analyse_scans(graph, nodes, outputs, from_end=True)
    if len(found.scans) != 1:
        raise Unsupported("not one scan")
    scan = Scan(graph, found.nodes, found.outputs, found.scans, found.from_end)
    source = graph[scan.scan].inputs[0]
    scan.emitter([], "", {}).value(source, scan.place(scan.scan))
    for output in outputs:
        scan.emitter([], "", {}).value(output, scan.place(output))
    return scan
