"""The contract between agents and what answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Turn:
    """`role` is system, user or assistant."""

    role: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """One conversation that waits for a reply. The first turns are the same for many prompts, so that servers can cache
    them. `schema` is a JSON schema that the reply should follow; None for free text."""

    turns: tuple[Turn, ...]
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 8192


@dataclass(frozen=True)
class About:
    """What a call is for, in its record: `step` numbers the campaign's step where it is known. `preference` says by how
    much to ask a model more often than by its weight, for what it brought so far."""

    role: str
    operator: str
    step: int | None = None
    preference: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """`cost` is in the currency of the settings' prices; None where the model has none. `seconds` is the latency.
    A `reused` one was paid for before: its numbers are those of then.
    `estimated` tokens were not counted by the model."""

    text: str
    model: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int = 0
    seconds: float = 0.0
    cost: float | None = None
    truncated: bool = False
    estimated: bool = False
    reused: bool = False


class ModelError(Exception):
    """No reply: the message is one line. `final` says that asking again, anyone, is in vain (a bad key)."""

    def __init__(self, message: str, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class Model(Protocol):
    """Answers prompts. Thread-safe: many prompts may be in flight."""

    name: str

    def complete(self, prompt: Prompt) -> Reply:
        """Asks once; the desk decides what is asked again. Raises CallFailed (`failures.py`), a ModelError."""

    def close(self) -> None:
        """Ends what is in flight: those calls fail."""


class Desk(Protocol):
    """Where agents ask: picks the model, keeps the budget, the record and the replies that were paid for before."""

    def ask(self, prompt: Prompt, about: About) -> Reply:
        """Raises ModelError, and OutOfBudget before a call that the budget does not allow."""


class OutOfBudget(ModelError):
    """Tokens, calls, money or time are used up."""
