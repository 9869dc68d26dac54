"""Enumerate plans that differ in structure, the expert's favourite first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Plan
from operators.authors.expert.rewrites import options, rewrite
from operators.authors.expert.structures.designer import Designer
from operators.authors.expert.structures.partition import LIBRARY_KIND, Fusion

_PRODUCTS = frozenset(["matmul", "conv", "attention"])
FUSIONS = (
    Fusion("all"),
    Fusion("around library products", library=_PRODUCTS),
    Fusion("statistics apart", statistics=True),
    Fusion("up to reductions", reductions=False, siblings=False),
    Fusion("products alone", contractions=False),
    Fusion("materialised attention", library=frozenset(["attention"])),
    Fusion("library convolutions", library=frozenset(["conv"])),
)


def seed_plans(captured: Graph, designer: Designer) -> Iterator[tuple[Plan, Graph, str]]:
    """(plan, its rewritten graph, what sets it apart): the favourite, also as one CUDA graph where that may help, then
    other ways to fuse in turn with other algorithms for the favourite's kernels, then the rest. Distinct as plans,
    perhaps not in signature."""
    bases = _tunable(_bases(captured, designer))  # as they are asked for: to cut a large network takes seconds a rule
    favourite = next(bases)
    plan, graph, told = favourite
    captured = ((other, graph, f"{told}; {difference}") for other, difference in designer.launches(graph, plan))
    others: list[tuple[Plan, Graph, str]] = []
    in_turn = chain.from_iterable(zip_longest(_noted(bases, others), _neighbours(favourite, designer)))
    rest = (found for base in others for found in _neighbours(base, designer))
    seen: set[str] = set()
    for found in chain([favourite], captured, in_turn, rest):
        if found is not None and not (_key(found[0]) in seen or seen.add(_key(found[0]))):
            yield found


def _bases(captured: Graph, designer: Designer) -> Iterator[tuple[Plan, Graph, str]]:
    """One plan for each fusion rule, with all optional rewrites first: one that applies nearly always pays."""
    for names in dict.fromkeys([options(captured), ()]):
        graph, fewest = rewrite(captured, names), None
        for fusion in FUSIONS:
            plan = designer.plan(graph, names, fusion)
            fewest = fewest or len(plan.kernels)
            if fusion.statistics and len(plan.kernels) > fewest:  # nothing that reads them has joined what follows
                continue
            told = f"fuse {fusion.name}" + (f", rewrite {', '.join(names)}" if names else "")
            yield plan, graph, told


def _tunable(bases: Iterator[tuple[Plan, Graph, str]]) -> Iterator[tuple[Plan, Graph, str]]:
    """Those with something to choose; the first one if there is none."""
    first = next(bases)
    found = False
    for base in chain([first], bases):
        if _has_choices(base[0]):
            found = True
            yield base
    if not found:
        yield first


def _noted(bases: Iterator[tuple[Plan, Graph, str]], notes: list) -> Iterator[tuple[Plan, Graph, str]]:
    """`bases`, noted as they pass."""
    for base in bases:
        notes.append(base)
        yield base


def _has_choices(plan: Plan) -> bool:
    """Whether there is anything to tune: a generated kernel, or a library's with decisions of its own."""
    return any(kernel.kind != LIBRARY_KIND or kernel.schedule for kernel in plan.kernels)


def _neighbours(base: tuple[Plan, Graph, str], designer: Designer) -> Iterator[tuple[Plan, Graph, str]]:
    plan, graph, told = base
    for other, difference in designer.alternatives(graph, plan):
        yield other, graph, f"{told}; {difference}"


def _key(plan: Plan) -> str:
    return repr(
        (plan.rewrites, plan.launch, [(k.kind, k.nodes, k.outputs, sorted(k.choices.items())) for k in plan.kernels])
    )
