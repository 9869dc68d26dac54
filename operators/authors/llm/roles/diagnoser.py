"""From a measurement to what it means. The prompt depends on parent and verdict alone, so that all agents that work on
a parent share one reply."""

from __future__ import annotations

from dataclasses import replace

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.prompts.measured import measured
from operators.authors.llm.prompts.parent import shown
from operators.authors.llm.prompts.template import section, text
from operators.authors.llm.replies.diagnosis import SCHEMA, Diagnosis
from operators.authors.llm.roles.base import JSON_TOKENS, compose
from operators.authors.llm.workpiece import workpiece
from operators.base import Brief

NAME = "diagnoser"


def wanted(brief: Brief) -> bool:
    """Whether there is something to interpret."""
    return brief.parent is not None and brief.verdict is not None and brief.verdict.ok


def prompt(brief: Brief) -> Prompt:
    assert brief.verdict is not None
    return compose(
        replace(brief, lever=None),
        text(NAME),
        section("Candidate", shown(workpiece(brief), brief.problem.effective_source)),
        section("Measured", measured(brief.verdict, brief.hardware)),
        text("form_diagnosis"),
        max_tokens=JSON_TOKENS,
        schema=SCHEMA,
    )


def diagnosis_section(diagnosis: Diagnosis | None) -> str:
    """What other agents are told of it."""
    if diagnosis is None:
        return ""
    lines = [f"bottleneck: {diagnosis.bottleneck}", *(f"evidence: {each}" for each in diagnosis.evidence)]
    return section("Diagnosis", quote("\n".join([*lines, *(f"plan: {each}" for each in diagnosis.plan)])))


def by_figures(brief: Brief) -> Diagnosis | None:
    """What the evaluator's own diagnosis says, where the diagnoser said nothing of use."""
    found = brief.verdict.resources.get("diagnosis") if brief.verdict else None
    return Diagnosis(str(found["bottleneck"]), tuple(map(str, found.get("evidence", ())))) if found else None
