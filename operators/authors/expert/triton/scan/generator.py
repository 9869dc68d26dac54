"""Kind "scan": cumulative operations along any axis, with elementwise work around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.ir.graph import DType, Graph
from operators.authors.expert.ir.ops import MAPS
from operators.authors.expert.kernels.expr import Unsupported
from operators.authors.expert.kernels.operands import operand_types
from operators.authors.expert.kernels.scan.analysis import analyse
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan
from operators.authors.expert.triton.maps import map_text
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.nest.schedule import NOMINAL
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.scan.frame import Frame
from operators.authors.expert.triton.scan.kernel import one_pass
from operators.authors.expert.triton.scan.lookback import look_back
from operators.authors.expert.triton.scan.schedule import LOOK_BACK, ONE_PASS, SPLIT, decisions, forms, programs
from operators.authors.expert.triton.scan.split import split

_TYPES = (DType.F64, DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32)
_WRITERS = {ONE_PASS: one_pass, SPLIT: split, LOOK_BACK: look_back}


class ScanGenerator:
    """The choice `scan` says how the axis is treated; see `schedule.forms`."""

    kind = "scan"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        if not any(graph[n].op == "scan" for n in nodes):
            return False
        try:
            scans = analyse(graph, nodes, outputs)
            for node in (graph[n] for n in scans.nodes):
                if node.op in MAPS:
                    map_text(graph, node, ["x"] * len(operand_types(graph, node)))
        except Unsupported:
            return False
        return scans.sizes[1] > 1 and all(graph[scan].dtype in _TYPES for scan in scans.scans)

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        return [{"scan": form} for form in forms(analyse(graph, nodes, outputs))]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        return decisions(analyse(graph, kernel.nodes, kernel.outputs), kernel.choices["scan"], hardware)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        scans = analyse(graph, kernel.nodes, kernel.outputs)
        outer, length, inner = scans.sizes
        read = {i for n in scans.nodes for i in graph[n].inputs} - scans.nodes
        return {
            "kind": self.kind,
            "scan": kernel.choices["scan"],
            "rows": outer * inner,
            "inner": length,
            "row_bytes": length * graph[scans.scans[0]].dtype.bytes,
            "contiguous": inner == 1,
            "columns": inner,
            "reductions": 0,
            "programs": programs(scans, hardware),
            "bytes": sum(graph[i].type.bytes for i in (*read, *scans.outputs)),
            "work": outer * length * inner,
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        scans = analyse(graph, kernel.nodes, kernel.outputs)
        defaults = {} if kernel.schedule else decisions(scans, kernel.choices["scan"], NOMINAL)
        settings = Settings(name.upper(), {**defaults, **kernel.schedule})
        return _WRITERS[str(kernel.choices["scan"])](Functions(graph, name, settings), Frame(scans, settings))
