"""Whether a plan waits for launches rather than for work, and could be launched as one CUDA graph."""

from __future__ import annotations

from operators.authors.expert.ir.aliasing import shares_memory
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.ops import LEAVES, VIEWS
from operators.authors.expert.library.calls import RECURRENT, called, flops, traffic
from operators.authors.expert.plan import KernelPlan, Plan

GRAPH = "graph"
# A launch from Python costs 5 to 10 microseconds; work that takes longer hides it.
_SHORT_SECONDS = 150e-6
_BYTES_PER_SECOND, _FLOPS_PER_SECOND = 4e12, 5e13


def waits_for_launches(graph: Graph, plan: Plan) -> bool:
    """Several kernels and little work. Not where a call overwrites state or returns its arguments' own memory: a
    replayed graph returns copies, and capturing it runs it more than once."""
    seconds = sum(
        traffic(graph, kernel) / _BYTES_PER_SECOND + flops(graph, kernel) / _FLOPS_PER_SECOND for kernel in plan.kernels
    )
    plain = not graph.mutations and not any(shares_memory(graph, o) for o in graph.outputs)
    given = any(node.op == "input" for node in graph.nodes)
    return plain and given and seconds < _SHORT_SECONDS and sum(_launches(graph, k) for k in plan.kernels) > 1


def _launches(graph: Graph, kernel: KernelPlan) -> int:
    """Roughly: 0 for what only looks at memory in another way, some for a recurrent network."""
    nodes = [graph[n] for n in kernel.nodes]
    if any(called(node) in RECURRENT for node in nodes):
        return 8
    return int(any(node.op not in LEAVES | VIEWS for node in nodes))
