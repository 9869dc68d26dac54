"""One question, its reply, and one correction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from operators.authors.llm.models.base import About, Desk, ModelError, Prompt, Reply, Turn
from operators.authors.llm.prompts.template import text
from operators.authors.llm.replies.base import Unusable, answer
from operators.base import Writing

T = TypeVar("T")


def converse(desk: Desk, prompt: Prompt, about: About, read: Callable[[str], T]) -> T | None:
    """What `read` makes of the reply, or of the corrected one: what is Unusable goes back once, with the reason. Twice
    unusable is what was kept of it, if anything. Raises what the desk raises, unless something was kept."""
    reply = desk.ask(prompt, about)
    try:
        return _read(read, reply)
    except Unusable as trouble:
        first = trouble
    kept = _signed(first.kept, reply)
    try:
        again = desk.ask(_back(prompt, reply, first), about)
    except ModelError:
        if kept is None:
            raise
        return kept
    try:
        return _read(read, again)
    except Unusable as second:
        return _signed(second.kept, again) or kept


def _read(read: Callable[[str], T], reply: Reply) -> T:
    return _signed(read(answer(reply.text)), reply)


def _signed(made: T, reply: Reply) -> T:
    """With the model's name, where that can be kept."""
    return replace(made, model=reply.model) if isinstance(made, Writing) else made


def _back(prompt: Prompt, reply: Reply, trouble: Unusable) -> Prompt:
    """The conversation so far, and what is wrong."""
    told = f"It was cut off after {reply.tokens_out} tokens. {trouble}" if reply.truncated else str(trouble)
    said = answer(reply.text).strip() or "(nothing)"  # servers refuse empty turns
    return replace(prompt, turns=(*prompt.turns, Turn("assistant", said), Turn("user", text("back", trouble=told))))
