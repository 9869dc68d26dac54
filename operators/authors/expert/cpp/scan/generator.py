"""Kind "scan": one cumulative operation along any axis, with elementwise work before and after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egg_search.core.hardware import Hardware, detect_cpu
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.cpp.expr import Unsupported
from operators.authors.expert.cpp.scan.analysis import analyse
from operators.authors.expert.cpp.scan.kernel import kernel_code
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan

_BLOCKS = (16, 32, 64, 128, 256, 512)
_SERIAL_WORK = 8_192


class ScanGenerator:
    kind = "scan"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        if not any(graph[n].op == "scan" for n in nodes):
            return False
        try:
            analyse(graph, nodes, outputs)
        except Unsupported:
            return False
        return True

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        return [{}]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        scan = analyse(graph, kernel.nodes, kernel.outputs)
        outer, length, inner = scan.sizes
        width = 8 if scan.op == "prod" else max(4, graph[scan.scan].dtype.bytes)  # products are in double
        vec = max(hardware.vector_bytes // width, 2)
        enough = max(outer * inner // (2 * hardware.cores), 16)
        block = max((b for b in _BLOCKS if b <= min(256, max(inner, 16), enough)), default=16)
        parallel = "serial" if outer * length * inner < _SERIAL_WORK or outer * inner == 1 else "rows"
        mapping, tiling = Lever.MAPPING, Lever.TILING
        result = [
            Decision("parallel", mapping, parallel, ("rows", "serial")),
            Decision("omp_schedule", mapping, "static", ("static", "dynamic", "guided")),
            Decision("vec", tiling, vec, (4, 8, 16, 32)),
            Decision("unroll", tiling, 8, (2, 4, 8, 16)),
            Decision("col_block", tiling, block, _BLOCKS),
        ]
        return {d.name: d for d in result}

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        scan = analyse(graph, kernel.nodes, kernel.outputs)
        outer, length, inner = scan.sizes
        return {
            "kind": self.kind,
            "rows": outer * inner,
            "inner": length,
            "row_bytes": length * graph[scan.scan].dtype.bytes,
            "contiguous": inner == 1,
            "reductions": 0,
            "lanes": "inside" if inner == 1 else "across",
            "tasks": outer * -(-inner // int(self.schedule(graph, kernel, hardware)["col_block"].value)),
            "bytes": 2 * graph[scan.scan].type.bytes,
            "work": outer * length * inner,
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        scan = analyse(graph, kernel.nodes, kernel.outputs)
        defaults = {} if kernel.schedule else self.schedule(graph, kernel, detect_cpu())
        settings = {n: d.value for n, d in {**defaults, **kernel.schedule}.items()}
        return kernel_code(scan, kernel, name, settings)
