"""Stage one: structures from scratch."""

from __future__ import annotations

from collections.abc import Iterator

from operators.authors.expert.moves.structure import designer, followed
from operators.authors.expert.plan import Plan
from operators.authors.expert.session import Session
from operators.authors.expert.structures.seeds import seed_plans
from operators.base import Brief


def plans(session: Session, brief: Brief) -> Iterator[tuple[Plan, str, tuple[str, ...]]]:
    """Structurally different plans, the expert's favourite first."""
    for plan, graph, told in seed_plans(session.captured, designer(session, brief.principles, brief)):
        yield plan, told, followed(session, plan, graph, brief.principles)
