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

# Kinds whose kernels may all make one choice together.
_ALIKE = frozenset(["matmul", "conv", LIBRARY_KIND])


@dataclass(frozen=True)
class Designer:
    """Makes plans with the expert's default schedules, nothing else open for tuning yet.

    `captures`: candidates may launch their kernels as one CUDA graph. `refused`: no kernel's choices include these.
    `tf32`: calls of the library use TF32 by default, and may be tuned not to.
    `merit(graph, kernel)` counts the principles that a kernel's algorithm carries out; of equals the generator's own
    order decides.
    """

    generators: Mapping[str, Generator]
    hardware: Hardware
    merit: Callable[[Graph, KernelPlan], int] = lambda graph, kernel: 0
    captures: bool = False
    refused: Sequence[Mapping[str, Value]] = ()
    tf32: bool = False

    def plan(self, graph: Graph, rewrites: tuple[str, ...], fusion: Fusion) -> Plan:
        """The favourite algorithm for every kernel that `fusion` cuts the rewritten `graph` into."""
        kernels = Partitioner(graph, self.generators, fusion).kernels()
        return Plan(rewrites, tuple(self._favourite(graph, kernel) for kernel in kernels), fusion.name)

    def alternatives(self, graph: Graph, plan: Plan) -> Iterator[tuple[Plan, str]]:
        """The plan with one kernel's algorithm changed, or that of all products, the most expensive kernels first, and
        what changed."""
        yield from self._alike(graph, plan)
        order = sorted(range(len(plan.kernels)), key=lambda i: -_work(graph, plan.kernels[i]))
        for i in order:
            kernel = plan.kernels[i]
            for choices in self._structures(graph, kernel):
                if choices != dict(kernel.choices):
                    kernels = (*plan.kernels[:i], self._scheduled(graph, kernel, choices), *plan.kernels[i + 1 :])
                    told = ", ".join(f"{k} {v}" for k, v in choices.items() if kernel.choices.get(k) != v)
                    yield replace(plan, kernels=kernels), f"K{i} with {told or 'the plain algorithm'}"
        yield from self.launches(graph, plan)

    def launches(self, graph: Graph, plan: Plan) -> Iterator[tuple[Plan, str]]:
        """The plan launched in the other way, if launching is what it waits for."""
        if plan.launch:
            yield replace(plan, launch=""), "kernels launched one by one"
        elif self.captures and waits_for_launches(graph, plan):
            yield replace(plan, launch=GRAPH), "all kernels as one CUDA graph"

    def _alike(self, graph: Graph, plan: Plan) -> Iterator[tuple[Plan, str]]:
        """Products of one kind all make the same choice: what one hands to the next has its form then, and the least
        exact of them decides how exact the result is."""
        for kind in dict.fromkeys(kernel.kind for kernel in plan.kernels if kernel.kind in _ALIKE):
            options = {i: self._structures(graph, k) for i, k in enumerate(plan.kernels) if k.kind == kind}
            options = {i: found for i, found in options.items() if len(found) > 1}
            heaviest = max(options, key=lambda i: _work(graph, plan.kernels[i]), default=None)
            for choices in options[heaviest] if len(options) > 1 else []:
                kernels = list(plan.kernels)
                for i in (i for i, found in options.items() if choices in found):
                    if choices != dict(kernels[i].choices):
                        kernels[i] = self._scheduled(graph, kernels[i], choices)
                if sum(new is not old for new, old in zip(kernels, plan.kernels, strict=True)) > 1:
                    told = ", ".join(f"{k} {v}" for k, v in choices.items()) or "the layout as given"
                    which = "library calls" if kind == LIBRARY_KIND else f"kernels of kind {kind}"
                    yield replace(plan, kernels=tuple(kernels)), f"all {which} with {told}"

    def _structures(self, graph: Graph, kernel: KernelPlan) -> list[dict[str, Value]]:
        if kernel.kind not in self.generators:
            return []
        found = self.generators[kernel.kind].structures(graph, kernel.nodes, kernel.outputs)
        found = [dict(each) for each in found if not any(one.items() <= each.items() for one in self.refused)]
        return [each for each in found if self._runs(graph, replace(kernel, choices=each, schedule={}))]

    def _runs(self, graph: Graph, kernel: KernelPlan) -> bool:
        """Whether the hardware has what the kernel's algorithm needs."""
        facts = self.generators[kernel.kind].facts(graph, kernel, self.hardware)
        return facts.get("capability", 0) <= self.hardware.capability

    def _favourite(self, graph: Graph, kernel: KernelPlan) -> KernelPlan:
        options = [self._scheduled(graph, kernel, choices) for choices in self._structures(graph, kernel)]
        return max(options, key=lambda option: self.merit(graph, option), default=kernel)

    def _scheduled(self, graph: Graph, kernel: KernelPlan, choices: Mapping[str, Value]) -> KernelPlan:
        kernel = replace(kernel, choices=dict(choices), schedule={})
        schedule = self.generators[kernel.kind].schedule(graph, kernel, self.hardware)
        closed = {name: replace(d, choices=()) for name, d in schedule.items()}
        if self.tf32 and kernel.kind == LIBRARY_KIND and "tf32" in closed:
            closed["tf32"] = replace(schedule["tf32"], value=True)
        return replace(kernel, schedule=closed)


def _work(graph: Graph, kernel: KernelPlan) -> int:
    """Elements touched, with a contraction weighing its depth: a rough order, nothing more."""
    total = 0
    for node in (graph[n] for n in kernel.nodes):
        depth = graph[node.inputs[0]].shape[-1] if node.op in CONTRACTS else 1
        total += node.type.numel * depth
    return total
