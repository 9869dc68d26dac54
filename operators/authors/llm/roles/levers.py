"""Stage two: one agent a lever."""

from __future__ import annotations

from egg_search.core.knobs import Lever
from operators.authors.llm.models.base import Prompt
from operators.authors.llm.prompts import history
from operators.authors.llm.prompts.advice import to_follow, told
from operators.authors.llm.prompts.constraints import binding, roles_of
from operators.authors.llm.prompts.decisions import decisions, handoff_of, invariants, own_knobs
from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.prompts.parent import shown
from operators.authors.llm.prompts.template import section, text
from operators.authors.llm.prompts.tokens import fitting
from operators.authors.llm.replies.diagnosis import Diagnosis
from operators.authors.llm.roles.base import (
    CONSTRAINTS,
    DECISIONS,
    EDIT_TOKENS,
    HISTORY,
    INVARIANTS,
    PRINCIPLES,
    compose,
    moment,
)
from operators.authors.llm.roles.diagnoser import diagnosis_section
from operators.authors.llm.workpiece import workpiece
from operators.base import Brief

NAMES = {
    Lever.MAPPING: "mapper",
    Lever.TILING: "tiler",
    Lever.STAGING: "stager",
    Lever.PRECISION: "numericist",
}


def prompt(brief: Brief, diagnosis: Diagnosis | None = None) -> Prompt:
    """The brief has a lever and a parent."""
    assert brief.lever is not None
    role, handoff, advice = NAMES[brief.lever], handoff_of(brief), to_follow(brief)
    limits = fitting(binding(brief, roles_of(advice, brief.parent, brief.lever)), CONSTRAINTS)
    return compose(
        brief,
        text("lever", role=role, lever=brief.lever, what=text(role)),
        section(f"Principles on {brief.lever}", told(advice, PRINCIPLES)),
        section("Candidate", shown(workpiece(brief), brief.problem.effective_source)),
        section("Must not change", invariants(brief, handoff, INVARIANTS)),
        section(f"Knobs of {brief.lever}", own_knobs(brief)),
        section("Constraints, by role, in numbers for this hardware", quote("\n".join(limits)) if limits else ""),
        section("Decided so far", decisions(handoff, DECISIONS)),
        diagnosis_section(diagnosis),
        section("Tried on this candidate", history.tried(brief, HISTORY)),
        moment(brief),
        text("form_edits"),
        max_tokens=EDIT_TOKENS,
    )
