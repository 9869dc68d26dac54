"""Stage one: a plan as a candidate."""

from __future__ import annotations

from collections.abc import Iterator

from operators.authors.llm.models.base import Prompt
from operators.authors.llm.prompts import history
from operators.authors.llm.prompts.advice import to_follow, told
from operators.authors.llm.prompts.constraints import binding, roles_of
from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.prompts.template import section, text
from operators.authors.llm.prompts.tokens import fitting
from operators.authors.llm.replies.plans import Plan
from operators.authors.llm.roles.base import CODE_TOKENS, CONSTRAINTS, PRINCIPLES, compose
from operators.base import Brief

NAME = "coder"
_TRIED = 250  # tokens


def prompt(brief: Brief, plan: Plan) -> Prompt:
    followed = [p for p in to_follow(brief) if p.name in plan.principles]
    limits = fitting(binding(brief, roles_of(brief.library)), CONSTRAINTS)
    return compose(
        brief,
        text(NAME),
        section(
            "Constraints on knobs, by role; a default that breaks one is refused",
            quote("\n".join(limits)) if limits else "",
        ),
        section("Principles to follow", told(followed, PRINCIPLES)),
        section("Tried before", history.tried(brief, _TRIED)),
        section("Plan", quote("\n".join(_lines(plan)))),
        text("form_file"),
        max_tokens=CODE_TOKENS,
    )


def _lines(plan: Plan) -> Iterator[str]:
    yield f"paradigm: {plan.paradigm}"
    yield f"idea: {plan.idea}"
    yield from (f"kernel: {each}" for each in plan.kernels)
    yield from (f"knob: {each}" for each in plan.knobs)
    if plan.reach_ms is not None:
        yield f"should reach {plan.reach_ms:.4g} ms: {plan.reach_why}"
