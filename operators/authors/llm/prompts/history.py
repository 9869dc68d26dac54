"""What was tried and what came of it, best and most instructive first."""

from __future__ import annotations

from collections.abc import Iterable

import operators
from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.prompts.tokens import fitting
from operators.authors.llm.replies.note import one_line
from operators.base import Attempt, Brief, Known

_CHANGE, _OUTCOME = 140, 160  # characters


def tried(brief: Brief, budget: int) -> str:
    """Attempts on the same parent within the brief's stage, one a line: outcome, change, principle."""
    stage = operators.registry[brief.operator].stage
    return _quoted(
        (_line(each) for each in ranked(each for each in brief.tried if _stage(each) in (None, stage))), budget
    )


def ranked(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Gains, best first; then failures, the latest first, one for each outcome; then what made little of a difference,
    worst first. Wins and failures take turns, so that a short list has both."""
    latest = list({(each.change, each.outcome): each for each in attempts}.values())[::-1]
    gains = sorted((a for a in latest if (a.speedup or 0) > 1.02), key=lambda a: -(a.speedup or 0))
    failures = list({a.outcome: a for a in reversed(latest) if a.speedup is None}.values())[::-1]
    losses = sorted((a for a in latest if a.speedup is not None and a.speedup <= 1.02), key=lambda a: a.speedup or 0)
    turns = [a for k in range(max(len(gains), len(failures))) for a in (*gains[k : k + 1], *failures[k : k + 1])]
    return [*turns, *losses]


def known(structures: Iterable[Known], budget: int) -> str:
    """What the archive has: speedup, what its author said, its signature's lines."""
    return _quoted((_structure(each) for each in structures), budget)


def _line(attempt: Attempt) -> str:
    outcome = f"{attempt.speedup:.2f}x" if attempt.speedup is not None else one_line(attempt.outcome, _OUTCOME)
    principle = f" [{attempt.principle}]" if attempt.principle else ""
    return f"{outcome} <- {one_line(attempt.change, _CHANGE)}{principle}"


def _structure(known: Known) -> str:
    speed = f"{known.speedup:.2f}x: " if known.speedup is not None else ""
    return f"{speed}{one_line(known.change, _CHANGE)}\n    {one_line(' | '.join(known.lines), 400)}"


def _quoted(lines: Iterable[str], budget: int) -> str:
    kept = fitting(lines, budget)
    return quote("\n".join(kept)) if kept else ""


def _stage(attempt: Attempt) -> int | None:
    known = operators.registry.get(attempt.operator)
    return known.stage if known else None
