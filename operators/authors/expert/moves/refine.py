"""Stage one: another algorithm for one kernel of a structure that works."""

from __future__ import annotations

from collections.abc import Iterator

from operators.authors.expert.moves.structure import designer, followed
from operators.authors.expert.plan import Plan
from operators.authors.expert.session import Session
from operators.base import Brief


def plans(session: Session, plan: Plan, brief: Brief) -> Iterator[tuple[Plan, str, tuple[str, ...]]]:
    """The parent with one kernel's algorithm changed; the other kernels keep their schedules."""
    graph = session.graph(plan.rewrites)
    for changed, told in designer(session, brief.principles, brief).alternatives(graph, plan):
        yield changed, told, followed(session, changed, graph, brief.principles)
