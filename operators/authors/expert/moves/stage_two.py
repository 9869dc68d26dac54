"""Stage two: apply principles of one lever to the kernels where they apply; the structure stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from egg_search.core.knobs import Lever
from operators.authors.expert.plan import Decision, KernelPlan, Plan
from operators.authors.expert.session import Session
from operators.base import Brief
from principles import applies
from principles.model import Principle


def plans(session: Session, plan: Plan, brief: Brief) -> Iterator[tuple[Plan, str, tuple[str, ...]]]:
    """All given principles together (their knobs are tuned jointly), then each alone."""
    together = [brief.principles] if len(brief.principles) > 1 else []
    for principles in (*together, *((p,) for p in brief.principles)):
        changed, told = plan, []
        for principle in principles:
            changed, where = _apply(session, changed, principle, brief.lever)
            if where:
                told.append((principle, where))
        if told:
            change = "; ".join(f"{p.title.rstrip('.')} ({', '.join(where)})" for p, where in told)
            yield changed, change, tuple(p.name for p, _ in told)


def _apply(session: Session, plan: Plan, principle: Principle, lever: Lever) -> tuple[Plan, list[str]]:
    """The plan with `principle` carried out on every kernel that it applies to, and which kernels these are."""
    graph, where, kernels = session.graph(plan.rewrites), [], list(plan.kernels)
    for i, kernel in enumerate(plan.kernels):
        generator = session.dialect.generators.get(kernel.kind)
        if generator is None:
            continue
        facts = generator.facts(graph, kernel, session.hardware)
        if applies(principle, facts, session.hardware):
            allowed = generator.schedule(graph, kernel, session.hardware)
            kernels[i] = _rescheduled(kernel, principle, lever, allowed)
            if kernels[i] != kernel:
                where.append(f"K{i}")
    return replace(plan, kernels=tuple(kernels)), where


def _rescheduled(kernel: KernelPlan, principle: Principle, lever: Lever, allowed: Mapping[str, Decision]) -> KernelPlan:
    """The kernel with the principle's decisions set and its knobs opened, as far as its generator offers them."""
    schedule = dict(kernel.schedule)
    for name, value in principle.sets.items():
        offered = allowed.get(name)
        if offered and offered.lever == lever and value in (*offered.choices, offered.value):
            schedule[name] = replace(schedule.get(name, offered), value=value)
    for name, choices in principle.knobs.items():
        offered = allowed.get(name)
        if offered and offered.lever == lever:
            current = schedule.get(name, replace(offered, choices=()))
            opened = [c for c in choices if c in offered.choices]
            schedule[name] = replace(current, choices=tuple(dict.fromkeys((*current.choices, *opened))))
    return replace(kernel, schedule=schedule)
