"""How every role's prompt is put together: what is the same for many prompts comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operators.authors.llm.models.base import Prompt, Turn
from operators.authors.llm.prompts.situation import situation, system
from operators.base import Brief

HISTORY, PRINCIPLES, CONSTRAINTS, DECISIONS, INVARIANTS = 500, 900, 300, 350, 350  # tokens of a section at the most
CODE_TOKENS, EDIT_TOKENS, JSON_TOKENS = 16384, 8192, 4096  # of a reply, thoughts included


def moment(brief: Brief) -> str:
    """Makes a prompt another one in another step: a desk answers equal prompts with the reply that it has."""
    return f"This is step {brief.step} of the search." if brief.step is not None else ""


def compose(brief: Brief, *parts: str, max_tokens: int, schema: Mapping[str, Any] | None = None) -> Prompt:
    """Rules; then problem, hardware and `parts` in their order."""
    told = "\n\n".join(part for part in (situation(brief), *parts) if part)
    return Prompt((Turn("system", system(brief)), Turn("user", told)), schema, max_tokens)
