"""Stage one: several paradigms for a problem, each with what it should reach."""

from __future__ import annotations

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.prompts import history
from operators.authors.llm.prompts.advice import to_follow, told
from operators.authors.llm.prompts.template import section, text
from operators.authors.llm.replies.plans import SCHEMA
from operators.authors.llm.roles.base import HISTORY, JSON_TOKENS, compose, moment
from operators.base import Brief

NAME = "architect"
_ADVICE, _KNOWN = 1800, 1200  # tokens


def prompt(brief: Brief) -> Prompt:
    return compose(
        brief,
        text(NAME, limit=brief.limit, dialect=brief.dialect),
        section("Principles on structure", told(to_follow(brief), _ADVICE)),
        section("Structures in the archive", history.known(brief.known, _KNOWN)),
        section("Tried before", history.tried(brief, HISTORY)),
        moment(brief),
        text("form_plans", limit=brief.limit),
        max_tokens=JSON_TOKENS,
        schema=SCHEMA,
    )
