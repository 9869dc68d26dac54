"""Stage one: a change of structure that keeps what is computed."""

from __future__ import annotations

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.prompts import history
from operators.authors.llm.prompts.advice import to_follow, told
from operators.authors.llm.prompts.parent import shown
from operators.authors.llm.prompts.template import section, text
from operators.authors.llm.replies.diagnosis import Diagnosis
from operators.authors.llm.roles.base import CODE_TOKENS, HISTORY, PRINCIPLES, compose, moment
from operators.authors.llm.roles.diagnoser import diagnosis_section
from operators.authors.llm.workpiece import workpiece
from operators.base import Brief

NAME = "refiner"
_KNOWN = 500  # tokens


def prompt(brief: Brief, diagnosis: Diagnosis | None = None) -> Prompt:
    return compose(
        brief,
        text(NAME),
        section("Principles on structure", told(to_follow(brief), PRINCIPLES)),
        section("Candidate", shown(workpiece(brief), brief.problem.effective_source)),
        diagnosis_section(diagnosis),
        section("Structures in the archive", history.known(brief.known, _KNOWN)),
        section("Tried on this candidate", history.tried(brief, HISTORY)),
        moment(brief),
        text("form_edits"),
        max_tokens=CODE_TOKENS,
    )
