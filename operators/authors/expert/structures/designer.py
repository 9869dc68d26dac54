"""From a fusion rule to a plan, and from a plan to its structural neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.generator import Generator
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.ops import CONTRACTS
from operators.authors.expert.plan import KernelPlan, Plan
from operators.authors.expert.structures.launch import GRAPH, waits_for_launches
from operators.authors.expert.structures.partition import LIBRARY_KIND, Fusion, Partitioner


@dataclass(frozen=True)
class Designer:
    """Makes plans with the expert's default schedules, nothing open for tuning yet.

    `captures`: candidates may launch their kernels as one CUDA graph. `refused`: no kernel's choices include these.
    `merit(graph, kernel)` counts the principles that a kernel's algorithm carries out; of equals the generator's own
    order decides.
    """

    generators: Mapping[str, Generator]
    hardware: Hardware
    merit: Callable[[Graph, KernelPlan], int] = lambda graph, kernel: 0
    captures: bool = False
    refused: Sequence[Mapping[str, Value]] = ()

    def plan(self, graph: Graph, rewrites: tuple[str, ...], fusion: Fusion) -> Plan:
        """The favourite algorithm for every kernel that `fusion` cuts the rewritten `graph` into."""
        kernels = Partitioner(graph, self.generators, fusion).kernels()
        return Plan(rewrites, tuple(self._favourite(graph, kernel) for kernel in kernels), fusion.name)

    def alternatives(self, graph: Graph, plan: Plan) -> Iterator[tuple[Plan, str]]:
        """The plan with one kernel's algorithm changed, the most expensive kernels first, and what changed."""
        order = sorted(range(len(plan.kernels)), key=lambda i: -_work(graph, plan.kernels[i]))
        for i in order:
            kernel = plan.kernels[i]
            for choices in self._structures(graph, kernel):
                if choices != dict(kernel.choices):
                    kernels = (*plan.kernels[:i], self._scheduled(graph, kernel, choices), *plan.kernels[i + 1 :])
                    told = ", ".join(f"{k} {v}" for k, v in choices.items() if kernel.choices.get(k) != v)
                    yield replace(plan, kernels=kernels), f"K{i} with {told or 'the plain algorithm'}"
        yield from self._alike(graph, plan)
        yield from self.launches(graph, plan)

    def launches(self, graph: Graph, plan: Plan) -> Iterator[tuple[Plan, str]]:
        """The plan launched in the other way, if launching is what it waits for."""
        if plan.launch:
            yield replace(plan, launch=""), "kernels launched one by one"
        elif self.captures and waits_for_launches(graph, plan):
            yield replace(plan, launch=GRAPH), "all kernels as one CUDA graph"

    def _alike(self, graph: Graph, plan: Plan) -> Iterator[tuple[Plan, str]]:
        """Calls of the library that have a choice all make the same: what one hands to the next has its form then."""
        options = {
            i: self._structures(graph, kernel) for i, kernel in enumerate(plan.kernels) if kernel.kind == LIBRARY_KIND
        }
        free = [i for i, found in options.items() if len(found) > 1]
        for choices in options[free[0]] if len(free) > 1 else []:
            kernels = list(plan.kernels)
            for i in free:
                kernels[i] = self._scheduled(graph, kernels[i], choices)
            if tuple(kernels) != plan.kernels:
                told = ", ".join(f"{k} {v}" for k, v in choices.items())
                yield replace(plan, kernels=tuple(kernels)), f"all library calls with {told or 'the layout as given'}"

    def _structures(self, graph: Graph, kernel: KernelPlan) -> list[dict[str, Value]]:
        if kernel.kind not in self.generators:
            return []
        found = self.generators[kernel.kind].structures(graph, kernel.nodes, kernel.outputs)
        return [dict(each) for each in found if not any(one.items() <= each.items() for one in self.refused)]

    def _favourite(self, graph: Graph, kernel: KernelPlan) -> KernelPlan:
        options = [self._scheduled(graph, kernel, choices) for choices in self._structures(graph, kernel)]
        return max(options, key=lambda option: self.merit(graph, option), default=kernel)

    def _scheduled(self, graph: Graph, kernel: KernelPlan, choices: Mapping[str, Value]) -> KernelPlan:
        kernel = replace(kernel, choices=dict(choices), schedule={})
        schedule = self.generators[kernel.kind].schedule(graph, kernel, self.hardware)
        return replace(kernel, schedule={name: replace(d, choices=()) for name, d in schedule.items()})


def _work(graph: Graph, kernel: KernelPlan) -> int:
    """Elements touched, with a contraction weighing its depth: a rough order, nothing more."""
    total = 0
    for node in (graph[n] for n in kernel.nodes):
        depth = graph[node.inputs[0]].shape[-1] if node.op in CONTRACTS else 1
        total += node.type.numel * depth
    return total
