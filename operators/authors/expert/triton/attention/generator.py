"""Kind "attention": scores are never in memory; masks, scales and what follows are fused."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.attention.pattern import find_attention
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan
from operators.authors.expert.triton.attention.attend import Attend
from operators.authors.expert.triton.attention.frame import parts
from operators.authors.expert.triton.attention.join import join
from operators.authors.expert.triton.attention.schedule import algorithms, decisions, multiplied_bytes
from operators.authors.expert.triton.attention.task import Task, task
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.nest.schedule import NOMINAL
from operators.authors.expert.triton.nest.settings import Settings


class AttentionGenerator:
    """Choices: `softmax`, `keys` and `products`; see `schedule.algorithms`."""

    kind = "attention"

    def matches(self, graph: Graph) -> list[tuple[int, ...]]:
        """Every attention in the graph: growing kernels pairwise never reaches one."""
        found = (find_attention(graph, node) for node in graph.nodes)
        return [tuple(sorted(each.inner)) for each in found if each]

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        return task(graph, nodes, outputs) is not None

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        return [*algorithms(_found(graph, nodes, outputs))]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        return decisions(_found(graph, kernel.nodes, kernel.outputs), dict(kernel.choices), hardware)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        found = _found(graph, kernel.nodes, kernel.outputs)
        defaults = {name: d.value for name, d in decisions(found, dict(kernel.choices), hardware).items()}
        return {
            "kind": self.kind,
            **kernel.choices,
            "batch": found.batch,
            "q": found.queries,
            "kv": found.keys,
            "depth": found.depth,
            "d": found.width,
            "causal": found.causal is not None,
            "dtype": found.value.dtype.value,
            "element_bytes": found.value.dtype.bytes,
            "multiplied_bytes": multiplied_bytes(found, kernel.choices),
            "flops": found.flops,
            "bytes": sum(graph[i].type.bytes for i in (*found.reads, *kernel.outputs)),
            "programs": found.batch * ceil(found.queries / defaults["block_m"]),
            "epilogue": len(found.epilogue.after),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        found = _found(graph, kernel.nodes, kernel.outputs)
        defaults = {} if kernel.schedule else decisions(found, dict(kernel.choices), NOMINAL)
        out = Functions(graph, name, Settings(name.upper(), {**defaults, **kernel.schedule}))
        split = kernel.choices["keys"] == "split"
        for part in parts(found, {}).values() if split else ():
            out.scratch(part.name, f"{out.settings.text('parts')} * {part.size}", "float32")
        Attend(out, found, kernel).add()
        if split:
            join(out, found)
        return out.code(found.reads, found.epilogue.outputs)


def _found(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Task:
    found = task(graph, nodes, outputs)
    if found is None:
        raise ValueError(f"no attention kernel computes nodes {nodes}")
    return found
