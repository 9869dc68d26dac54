"""Kind "nest": maps, views, gathers, reductions and windows over one set of rows, fused into one pass over memory, or
as few as the rows allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.ir.graph import DType, Graph
from operators.authors.expert.ir.ops import MAPS
from operators.authors.expert.kernels.expr import Unsupported
from operators.authors.expert.kernels.nest.access import COSTLY, lies_inside, transposes, work
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import arithmetic_facts
from operators.authors.expert.kernels.nest.pairs import find_moments, find_online
from operators.authors.expert.kernels.nest.trace import planned
from operators.authors.expert.kernels.operands import operand_types
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan
from operators.authors.expert.triton.maps import map_text
from operators.authors.expert.triton.nest.kernel import kernel_code
from operators.authors.expert.triton.nest.schedule import NOMINAL, decisions, forms, programs
from operators.authors.expert.triton.nest.settings import Settings

# Structural choice of rows that are not held: its value for separate passes, for joint ones, and what finds them.
PASSES = {
    "softmax": ("separate", "online", find_online),
    "moments": ("two passes", "one pass", find_moments),
}
_MOST_TAPS = 1024  # of a window


class NestGenerator:
    kind = "nest"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        try:
            nest = planned(graph, nodes, outputs)
            for n in nest.nodes:
                _check(graph, n)
        except Unsupported:
            return False
        return all(nest.space(r).numel <= _MOST_TAPS for r in nest.reductions if graph[r].op == "window")

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        """How rows are treated: held in registers, read again from memory for every pass, or split among programs;
        of the latter two, joint passes first, which read them less often."""
        nest = planned(graph, nodes, outputs)
        found: list[dict[str, Value]] = []
        for form in forms(nest):
            options = [{"row": form}] if form else [{}]
            for role, (separate, joint, find) in PASSES.items():
                if form != "registers" and _joinable(find(nest)):
                    options = [{**option, role: value} for value in (joint, separate) for option in options]
            found += options
        return found

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        return decisions(_nest(graph, kernel), kernel.choices.get("row", ""), hardware)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        nest, form = _nest(graph, kernel), kernel.choices.get("row", "")
        inside = nest.spaces[0].numel if nest.spaces else 1
        read = {i for n in nest.nodes for i in graph[n].inputs} - nest.nodes
        passes = len(nest.levels) + any(nest.output_space(o) is not None for o in nest.outputs)
        return {
            "kind": self.kind,
            "rows": nest.rows.numel,
            "inner": inside,
            "row_bytes": inside * 4,
            "row": form,
            "passes": passes,
            "reads": 1 if form == "registers" else max(passes, 1),
            "reductions": len(nest.reductions),
            "transcendental": any(graph[n].op in COSTLY for n in nest.nodes),
            **arithmetic_facts(nest),
            "lanes": "inside" if lies_inside(nest) else "across",
            "transposes": transposes(nest),
            "programs": programs(nest, form, hardware),
            "work": work(nest),
            "bytes": sum(graph[i].type.bytes for i in (*read, *nest.outputs)),
            "output_bytes": sum(graph[o].type.bytes for o in nest.outputs),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        nest = _nest(graph, kernel)
        defaults = {} if kernel.schedule else decisions(nest, kernel.choices.get("row", ""), NOMINAL)
        return kernel_code(nest, kernel, name, Settings(name.upper(), {**defaults, **kernel.schedule}))


def _check(graph: Graph, node_id: int) -> None:
    """Raises Unsupported for what Triton has no function for."""
    node = graph[node_id]
    if node.op in MAPS:
        map_text(graph, node, ["x"] * len(operand_types(graph, node)))


def _joinable(pairs: tuple) -> bool:
    return bool(pairs) and all(pair.first.dtype is not DType.F64 for pair in pairs)


def _nest(graph: Graph, kernel: KernelPlan) -> Nest:
    nest = planned(graph, kernel.nodes, kernel.outputs)
    found = [find(nest) for role, (_, joint, find) in PASSES.items() if kernel.choices.get(role) == joint]
    return nest.with_joint(pair for pairs in found for pair in pairs)
