"""Whether a writing keeps the rules, before it is handed back."""

from __future__ import annotations

from dataclasses import replace

import operators
from egg_search.core.candidate import Dialect
from evaluator.static import LIBRARY_ONLY, UNREADABLE, static_flags
from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.replies.base import Unusable
from operators.base import Brief, Refusal, Writing


def checked(writing: Writing, brief: Brief, author: str) -> Writing:
    """The writing. Raises Unusable, which keeps it, when the brief's operator would refuse it, or when it does what is
    forbidden and the parent does not."""
    judged = operators.registry[brief.operator].judge(writing, brief, author)
    if isinstance(judged, Refusal):
        raise Unusable(f"It breaks a rule:\n{quote(judged.reason)}", writing)
    if flags := _new_flags(writing, brief):
        told, fault = quote("\n".join(flags)), f"does what is forbidden: {'; '.join(flags)}"
        raise Unusable(f"It does what is forbidden:\n{told}", replace(writing, fault=fault))
    return writing


def _new_flags(writing: Writing, brief: Brief) -> list[str]:
    excused = {_code(flag) for flag in static_flags(brief.parent.source)} if brief.parent else set()
    excused |= {UNREADABLE} | ({LIBRARY_ONLY} if brief.dialect is Dialect.TORCH else set())
    return [flag for flag in static_flags(writing.source) if _code(flag) not in excused]


def _code(flag: str) -> str:
    return flag.partition(":")[0]
