"""How structure principles steer stage one: which of them a kernel or a plan carries out."""

from __future__ import annotations

from collections.abc import Iterable

from egg_search.core.verdict import PrecisionClass
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import KernelPlan, Plan
from operators.authors.expert.session import Session
from operators.authors.expert.structures.designer import Designer
from operators.base import Brief
from principles import applies
from principles.model import Principle


def designer(session: Session, principles: Iterable[Principle], brief: Brief | None = None) -> Designer:
    """A designer that prefers algorithms which these principles advise, and makes those that are as exact as the brief
    wants them."""
    advice = tuple(principles)

    def merit(graph: Graph, kernel: KernelPlan) -> int:
        return sum(_chosen(session, graph, kernel, principle) for principle in advice)

    refused = [p.sets for p in _coarse(brief) if p.sets] if brief else []
    tf32 = brief is not None and brief.accept.rank >= PrecisionClass.TF32.rank
    return Designer(session.dialect.generators, session.hardware, merit, _on_gpu(session), refused, tf32)


def _coarse(brief: Brief) -> list[Principle]:
    """Those on structure whose kernels are less exact than the brief wants them."""
    return [p for p in brief.library if p.group == "structure" and p.precision.rank > brief.accept.rank]


def _on_gpu(session: Session) -> bool:
    return session.dialect.device != repr("cpu")


def followed(session: Session, plan: Plan, graph: Graph, principles: Iterable[Principle]) -> tuple[str, ...]:
    """Names of the principles that the plan carries out, by its rewrites, its fusion or a kernel's algorithm."""
    return tuple(p.name for p in principles if _carried_out(session, plan, graph, p))


def _carried_out(session: Session, plan: Plan, graph: Graph, principle: Principle) -> bool:
    if "rewrite" in principle.sets:
        return principle.sets["rewrite"] in plan.rewrites
    kernels = [k for k in plan.kernels if k.kind in session.dialect.generators]
    if "launch" in principle.sets:
        return principle.sets["launch"] == plan.launch and any(_speaks(session, graph, k, principle) for k in kernels)
    if "fusion" in principle.sets:
        return principle.sets["fusion"] == plan.fusion and any(_speaks(session, graph, k, principle) for k in kernels)
    return any(_chosen(session, graph, k, principle) for k in kernels)


def _chosen(session: Session, graph: Graph, kernel: KernelPlan, principle: Principle) -> bool:
    """Whether the kernel's algorithm is what the principle advises for it."""
    advised = principle.sets.items() <= kernel.choices.items() and bool(principle.sets)
    return advised and _speaks(session, graph, kernel, principle)


def _speaks(session: Session, graph: Graph, kernel: KernelPlan, principle: Principle) -> bool:
    facts = session.dialect.generators[kernel.kind].facts(graph, kernel, session.hardware)
    return applies(principle, facts, session.hardware)
