"""What did not build or was wrong, with the compiler's message or the first wrong elements."""

from __future__ import annotations

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.prompts import history
from operators.authors.llm.prompts.measured import failure
from operators.authors.llm.prompts.parent import shown
from operators.authors.llm.prompts.template import section, text
from operators.authors.llm.roles.base import CODE_TOKENS, HISTORY, compose, moment
from operators.authors.llm.workpiece import workpiece
from operators.base import Brief

NAME = "debugger"
ROUNDS = 2  # of repairs in a row
_MESSAGE = 900  # tokens


def prompt(brief: Brief) -> Prompt:
    return compose(
        brief,
        text(NAME),
        section("Candidate", shown(workpiece(brief), brief.problem.effective_source)),
        section("What happened", failure(brief.verdict, _MESSAGE) if brief.verdict else ""),
        section("Tried on this candidate", history.tried(brief, HISTORY)),
        moment(brief),
        text("form_edits"),
        max_tokens=CODE_TOKENS,
    )
