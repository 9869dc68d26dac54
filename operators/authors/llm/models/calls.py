"""A call, as its record has it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from operators.authors.llm.models.base import About, Prompt, Reply, Turn
from operators.authors.llm.models.settings import ModelSettings


@dataclass(frozen=True)
class Call:
    """One request, or a prompt answered from the record (`reused`: the id of the call that was paid for).

    `at` is Unix time of its end, `seconds` its latency, `attempt` counts from 1. A failed call has an `error` and no
    `reply`. `key` is the same for identical prompts. `id` is None before it is written.
    """

    role: str
    operator: str
    step: int | None
    model: str
    key: str
    turns: tuple[Turn, ...]
    schema: Mapping[str, Any] | None
    max_tokens: int
    at: float
    attempt: int = 1
    reply: str | None = None
    error: str | None = None
    truncated: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    estimated: bool = False
    seconds: float = 0.0
    cost: float | None = None
    reused: int | None = None
    id: int | None = None


def key_of(prompt: Prompt, models: Iterable[ModelSettings]) -> str:
    """Equal for identical prompts to the same models, whatever their weights and prices."""
    asked = sorted(json.dumps(model.identity, sort_keys=True, default=str) for model in models)
    turns = [[turn.role, turn.text] for turn in prompt.turns]
    text = json.dumps([asked, turns, prompt.schema, prompt.max_tokens], sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def call_of(
    key: str,
    prompt: Prompt,
    about: About,
    reply: Reply,
    attempt: int = 1,
    error: str | None = None,
    reused: int | None = None,
) -> Call:
    """A call that ends now. With an `error`, `reply` has what it took all the same."""
    return Call(
        role=about.role,
        operator=about.operator,
        step=about.step,
        model=reply.model,
        key=key,
        turns=prompt.turns,
        schema=prompt.schema,
        max_tokens=prompt.max_tokens,
        at=time.time(),
        attempt=attempt,
        reply=reply.text if error is None else None,
        error=error,
        truncated=reply.truncated,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        tokens_cached=reply.tokens_cached,
        estimated=reply.estimated,
        seconds=reply.seconds,
        cost=reply.cost,
        reused=reused,
    )
