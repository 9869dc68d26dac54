"""Calls without a reply: what is asked again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from operators.authors.llm.models.base import ModelError
from operators.authors.llm.models.texts import keepable
from operators.authors.llm.models.usage import Usage

_LONGEST_MESSAGE = 400


class CallFailed(ModelError):
    """One call without a reply. `retry`: the same call may fare better, not before `after_s` where the other side says
    so; 0 is at once (asked in another way). `usage` is what it took all the same."""

    def __init__(
        self,
        message: str,
        *,
        final: bool = False,
        retry: bool = False,
        after_s: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(one_line(message), final)
        self.retry, self.after_s, self.usage = retry, after_s, usage or Usage()


def one_line(text: str) -> str:
    """What others say, fit for a message: short, on one line, without keys."""
    text = " ".join(keepable(text).split())
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 3] + "..."


@dataclass(frozen=True)
class Backoff:
    """Exponential with full jitter: callers that failed together do not come back together. Seconds."""

    attempts: int = 5
    base_s: float = 1.0
    longest_s: float = 60.0
    longest_asked_s: float = 120.0  # of a Retry-After
    random: Callable[[], float] = random.random

    def wait(self, failure: CallFailed, attempt: int) -> float | None:
        """Seconds until the attempt after number `attempt` (from 1); None when there shall be none."""
        if not failure.retry or attempt >= self.attempts:
            return None
        if failure.after_s == 0:
            return 0.0
        jitter = self.random() * min(self.longest_s, self.base_s * 2 ** (attempt - 1))
        if failure.after_s is None:
            return jitter
        return min(failure.after_s, self.longest_asked_s) + jitter / 4
