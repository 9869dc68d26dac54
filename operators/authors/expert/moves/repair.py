"""A candidate that did not build or was wrong: leave one generated kernel at a time to torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from operators.authors.expert.plan import KernelPlan, Plan
from operators.authors.expert.session import Session
from operators.authors.expert.structures.partition import LIBRARY_KIND
from operators.base import Brief


def plans(session: Session, plan: Plan, brief: Brief) -> Iterator[tuple[Plan, str, tuple[str, ...]]]:
    """The parent with each of its generated kernels in turn as torch calls, the named one first."""
    reason = brief.verdict.reason if brief.verdict else ""
    generated = [i for i, kernel in enumerate(plan.kernels) if kernel.kind != LIBRARY_KIND]
    for i in sorted(generated, key=lambda i: f"k{i}" not in reason.split()):
        kernel = plan.kernels[i]
        library = KernelPlan(LIBRARY_KIND, kernel.nodes, kernel.outputs)
        if (left := session.dialect.generators.get(LIBRARY_KIND)) is not None:
            schedule = left.schedule(session.graph(plan.rewrites), library, session.hardware)
            library = replace(library, schedule={name: replace(d, choices=()) for name, d in schedule.items()})
        yield replace(plan, kernels=(*plan.kernels[:i], library, *plan.kernels[i + 1 :])), f"K{i} left to torch", ()
