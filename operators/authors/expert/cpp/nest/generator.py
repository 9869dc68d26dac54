"""Kind "nest": maps, views, gathers, reductions and windows over one set of rows, fused into one loop nest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egg_search.core.hardware import Hardware, detect_cpu
from egg_search.core.knobs import Value
from operators.authors.expert.cpp.expr import Unsupported
from operators.authors.expert.cpp.nest.keep import worth_keeping
from operators.authors.expert.cpp.nest.kernel import kernel_code
from operators.authors.expert.cpp.nest.moments import find_moments
from operators.authors.expert.cpp.nest.online import find_online
from operators.authors.expert.cpp.nest.schedule import decisions, tasks
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.nest.access import COSTLY, work
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.trace import planned
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan

# Structural choice: its value for separate passes, its value for joint ones, and what finds passes to join.
PASSES = {
    "softmax": ("separate", "online", find_online),
    "moments": ("two passes", "one pass", find_moments),
}


class NestGenerator:
    kind = "nest"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        try:
            planned(graph, nodes, outputs)
        except Unsupported:
            return False
        return True

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        """Separate passes first, then joint ones; of each, costly values kept for a later pass or computed again."""
        nest = planned(graph, nodes, outputs)
        options = [{}]
        for role, (separate, joint, find) in PASSES.items():
            if find(nest):
                options = [{**option, role: value} for value in (separate, joint) for option in options]
        return [
            {**keep, **option}
            for option in options
            for keep in ([{"keep": "store"}, {"keep": "recompute"}] if worth_keeping(_joined(nest, option)) else [{}])
        ]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        return decisions(_nest(graph, kernel), hardware)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        nest = _nest(graph, kernel)
        inside = nest.spaces[0].numel if nest.spaces else 1
        defaults = decisions(nest, hardware)
        read = {i for n in nest.nodes for i in graph[n].inputs} - nest.nodes
        return {
            "kind": self.kind,
            "rows": nest.rows.numel,
            "inner": inside,
            "row_bytes": inside * 4,
            "passes": len(nest.levels) + any(nest.output_space(o) is not None for o in nest.outputs),
            "reductions": len(nest.reductions),
            "transcendental": any(graph[n].op in COSTLY for n in nest.nodes),
            "lanes": defaults["lanes"].value,
            "tasks": tasks(nest, str(defaults["lanes"].value), int(defaults["col_block"].value)),
            "work": work(nest),
            "bytes": sum(graph[i].type.bytes for i in (*read, *nest.outputs)),
            "output_bytes": sum(graph[o].type.bytes for o in nest.outputs),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        nest = _nest(graph, kernel)
        defaults = {} if kernel.schedule else decisions(nest, detect_cpu())
        settings = {n: d.value for n, d in {**defaults, **kernel.schedule}.items()}
        return kernel_code(nest, kernel, name, settings)


def _nest(graph: Graph, kernel: KernelPlan) -> Nest:
    return _joined(planned(graph, kernel.nodes, kernel.outputs), kernel.choices)


def _joined(nest: Nest, choices: Mapping[str, Value]) -> Nest:
    found = [find(nest) for role, (_, joint, find) in PASSES.items() if choices.get(role) == joint]
    return nest.with_joint(pair for pairs in found for pair in pairs)
