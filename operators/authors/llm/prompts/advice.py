"""Principles as an agent reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from operators.authors.llm.prompts.tokens import estimate, fitting
from operators.base import Brief
from principles import applies
from principles.model import Principle


def to_follow(brief: Brief) -> list[Principle]:
    """Those that the brief says; without any, those of the lever (or on structure) that apply to the parent, else all
    that speak of the dialect."""
    if brief.principles:
        return list(brief.principles)
    group = str(brief.lever) if brief.lever else "structure"
    accepted = [p for p in brief.library if p.group == group and p.precision.rank <= brief.accept.rank]
    found = [p for p in accepted if not p.dialects or brief.dialect in p.dialects]
    facts = brief.parent.facts.values() if brief.parent else ()
    # Whether the expert's generator knows the decision is no matter here: agents write their own code.
    return [p for p in found if not facts or any(applies(p, each, brief.hardware) for each in facts)]


def told(principles: Sequence[Principle], budget: int) -> str:
    """In full as many as fit, then shortened to their first paragraph, then their titles."""
    lines: list[str] = []
    left = budget
    for number, principle in enumerate(principles):
        rest = 12 * (len(principles) - number - 1)  # a title each
        for text in (_whole(principle), _short(principle), _title(principle)):
            if estimate(text) + rest <= left or text == _title(principle):
                lines.append(text)
                left -= estimate(text)
                break
    return "\n".join(fitting(lines, budget))


def _title(principle: Principle) -> str:
    opened = "; ".join(_offers(principle))
    return f"- {principle.name}: {principle.title.rstrip('.')}.{f' ({opened})' if opened else ''}"


def _short(principle: Principle) -> str:
    return f"{_title(principle)} {_paragraphs(principle)[0]}"


def _whole(principle: Principle) -> str:
    return f"{_title(principle)} {' '.join(_paragraphs(principle))}"


def _paragraphs(principle: Principle) -> list[str]:
    return [" ".join(each.replace("**", "").split()) for each in re.split(r"\n\s*\n", principle.prose.strip())]


def _offers(principle: Principle) -> Iterable[str]:
    for role, value in principle.sets.items():
        yield f"sets {role} = {value!r}"
    for role, choices in principle.knobs.items():
        yield f"opens {role}: {' | '.join(map(repr, choices))}"
