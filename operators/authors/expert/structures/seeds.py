"""Enumerate plans that differ in structure, the expert's favourite first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from egg_search.core.hardware import Hardware
from operators.authors.expert.generator import Generator
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.ops import CONTRACTS
from operators.authors.expert.plan import KernelPlan, Plan
from operators.authors.expert.rewrites import options, rewrite
from operators.authors.expert.structures.partition import LIBRARY_KIND, Fusion, Partitioner

_PRODUCTS = frozenset(["matmul", "conv", "attention"])
FUSIONS = (
    Fusion("all"),
    Fusion("around library products", library=_PRODUCTS),
    Fusion("up to reductions", reductions=False, siblings=False),
    Fusion("products alone", contractions=False),
    Fusion("materialised attention", library=frozenset(["attention"])),
    Fusion("library convolutions", library=frozenset(["conv"])),
)


def seed_plans(graph: Graph, generators: Mapping[str, Generator], hardware: Hardware) -> Iterator[tuple[Plan, str]]:
    """Plans and what sets each apart. Distinct as plans; equal signatures are left to the caller to see."""
    seen: set[str] = set()

    def fresh(plan: Plan) -> bool:
        key = repr((plan.rewrites, [(k.kind, k.nodes, k.outputs, sorted(k.choices.items())) for k in plan.kernels]))
        return not (key in seen or seen.add(key))

    bases: list[tuple[Plan, Graph, str]] = []
    for names, rewritten in _rewritings(graph):
        for fusion in FUSIONS:
            plan = _plan(rewritten, names, fusion, generators, hardware)
            if fresh(plan):
                told = f"fuse {fusion.name}" + (f", rewrite {', '.join(names)}" if names else "")
                bases.append((plan, rewritten, told))
    # The favourite, then what other algorithms its kernels could use, then the other ways to fuse.
    bases = [base for base in bases if any(k.kind != LIBRARY_KIND for k in base[0].kernels)] or bases[:1]
    for index, (plan, rewritten, told) in enumerate(bases):
        yield plan, told
        if index == 0:
            for other, difference in alternatives(plan, rewritten, generators, hardware):
                if fresh(other):
                    yield other, f"{told}; {difference}"
    for plan, rewritten, told in bases[1:]:
        for other, difference in alternatives(plan, rewritten, generators, hardware):
            if fresh(other):
                yield other, f"{told}; {difference}"


def alternatives(
    plan: Plan, graph: Graph, generators: Mapping[str, Generator], hardware: Hardware
) -> Iterator[tuple[Plan, str]]:
    """The plan with one kernel's algorithm changed, the most expensive kernels first."""
    order = sorted(range(len(plan.kernels)), key=lambda i: -_work(graph, plan.kernels[i]))
    for i in order:
        kernel = plan.kernels[i]
        if kernel.kind == LIBRARY_KIND:
            continue
        for choices in generators[kernel.kind].structures(graph, kernel.nodes, kernel.outputs):
            if dict(choices) != dict(kernel.choices):
                changed = _scheduled(replace(kernel, choices=dict(choices)), graph, generators, hardware)
                kernels = (*plan.kernels[:i], changed, *plan.kernels[i + 1 :])
                told = ", ".join(f"{k} {v}" for k, v in choices.items() if kernel.choices.get(k) != v)
                yield replace(plan, kernels=kernels), f"K{i} with {told}"


def _rewritings(graph: Graph) -> list[tuple[tuple[str, ...], Graph]]:
    """All optional rewrites at once, then none: a rewrite that applies nearly always pays."""
    names = options(graph)
    return [(names, rewrite(graph, names)), ((), rewrite(graph, ()))] if names else [((), rewrite(graph, ()))]


def _plan(
    graph: Graph,
    rewrites: tuple[str, ...],
    fusion: Fusion,
    generators: Mapping[str, Generator],
    hardware: Hardware,
) -> Plan:
    kernels = Partitioner(graph, generators, fusion).kernels()
    return Plan(rewrites, tuple(_favourite(kernel, graph, generators, hardware) for kernel in kernels))


def _favourite(kernel: KernelPlan, graph: Graph, generators: Mapping[str, Generator], hardware: Hardware) -> KernelPlan:
    if kernel.kind == LIBRARY_KIND:
        return kernel
    choices = next(iter(generators[kernel.kind].structures(graph, kernel.nodes, kernel.outputs)), {})
    return _scheduled(replace(kernel, choices=dict(choices)), graph, generators, hardware)


def _scheduled(kernel: KernelPlan, graph: Graph, generators: Mapping[str, Generator], hardware: Hardware) -> KernelPlan:
    """The kernel with the expert's default schedule, nothing open for tuning yet."""
    schedule = generators[kernel.kind].schedule(graph, kernel, hardware)
    return replace(kernel, schedule={name: replace(d, choices=()) for name, d in schedule.items()})


def _work(graph: Graph, kernel: KernelPlan) -> int:
    """Elements touched, with a contraction weighing its depth: a rough order, nothing more."""
    total = 0
    for node in (graph[n] for n in kernel.nodes):
        depth = graph[node.inputs[0]].shape[-1] if node.op in CONTRACTS else 1
        total += node.type.numel * depth
    return total
