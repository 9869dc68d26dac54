"""The parent as agents see and edit it."""

from __future__ import annotations

from egg_search.core.candidate import Candidate
from operators.authors.llm.prompts.parent import without_plan
from operators.base import Brief


def workpiece(brief: Brief) -> Candidate:
    """At its best configuration, without the expert's plan, which would no longer tell what the code is."""
    assert brief.parent is not None
    known = {name: value for name, value in brief.configuration.items() if name in brief.parent.knobs}
    return Candidate(without_plan(brief.parent.bound(known)), brief.parent.dialect)
