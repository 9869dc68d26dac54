"""The contract between a campaign and its scheduler."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from egg_search.core.candidate import Dialect
from egg_search.core.step import Step
from egg_search.schedulers.bandit import Prior


@dataclass(frozen=True)
class Result:
    """One judged configuration. `score` is None unless it is ok and exact enough; `gain` is the archive's reward.

    `at_fault` is False where the infrastructure failed and the result says nothing of the candidate.
    """

    candidate: str
    signature: str
    dialect: Dialect
    score: float | None
    gain: float = 0.0
    at_fault: bool = True


@dataclass(frozen=True)
class Feedback:
    """What came of a step. By candidate: `principles` are those that its draft followed, `models` who wrote it, where
    that is known. `refused` are the models of drafts that were refused. `cost` is the step's in seconds, as the journal
    has it."""

    results: tuple[Result, ...] = ()
    principles: Mapping[str, tuple[str, ...]] | None = None
    cost: float = 0.0
    models: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Menu:
    """What a scheduler may choose from.

    `operators` are the names of registered operators; `writers` the (author, dialect) pairs, the first preferred;
    `applicable(operator, candidate)` names the principles that apply (to a problem as a whole for candidate None).
    `led` are authors who write nothing in stage two without a principle. `priors` are successes and failures of
    principles in earlier campaigns.
    """

    operators: tuple[str, ...]
    writers: tuple[tuple[str, Dialect], ...]
    applicable: Callable[[str, str | None], Sequence[str]]
    batch: int = 4  # configurations a tuning step
    drafts: int = 4  # drafts a stage-two step
    seeds: int = 8  # drafts a stage-one step
    led: Collection[str] = ()
    priors: Mapping[str, Prior] = field(default_factory=dict)


class Scheduler(Protocol):
    """Deterministic: `next` is a function of the seed it was made with, the step's number, the steps that began and
    what it observed."""

    def __init__(self, menu: Menu, seed: int) -> None: ...

    def next(self, number: int, idle: Collection[str] | None = None) -> Step | None:
        """The next step, or None when nothing is left to try. `idle` names the authors that may be given work, and TUNE
        where tuning may; None: all."""

    def begin(self, step: Step) -> None:
        """Told in the order of steps when a step is under way, so that `next` does not choose it again. Told at the
        latest by `observe`."""

    def plan(self, step: Step, jobs: int) -> None:
        """Told how many configurations of the step will be judged, so that `next` knows at once where there are none.
        Told at the latest by `observe`."""

    def observe(self, step: Step, feedback: Feedback) -> None:
        """Told once a step, in the order of steps, when all its results are in."""

    def report(self) -> dict[str, Any]:
        """What it has learnt, for people: JSON-like, see each scheduler."""
