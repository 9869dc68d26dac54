"""How far each structure and each of its candidates has come, and which of them to spend the next step on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf, log, sqrt
from typing import Protocol, TypeVar

from egg_search.core.candidate import Dialect
from egg_search.schedulers.base import Result

CURIOSITY = 0.35  # of UCB, in log speedup: tuning a fresh structure may well gain that much


@dataclass
class Line:
    """One candidate. `best` is its best score; `exhausted` when tuning has nothing more to propose."""

    candidate: str
    dialect: Dialect
    best: float = -inf
    evaluations: int = 0
    exhausted: bool = False


@dataclass
class Structure:
    """One structure signature: its candidates, and how it stands in stage two's first round of levers.

    `position` is the lever of the round that its last step was at; past the last lever the round is over.
    """

    signature: str
    lines: dict[str, Line] = field(default_factory=dict)
    evaluations: int = 0
    stale: int = 0  # evaluations since it last gained
    position: int = 0
    edited: bool = False  # whether the operator of that lever has run

    @property
    def best(self) -> float:
        return max((line.best for line in self.lines.values()), default=-inf)

    def move_to(self, position: int) -> None:
        if position != self.position:
            self.position, self.edited, self.stale = position, False, 0

    def champion(self) -> Line:
        return max(self.lines.values(), key=lambda line: line.best)

    def to_tune(self) -> Line | None:
        """By UCB among candidates that have configurations left: a fresh draft may beat the champion once tuned."""
        return ucb([line for line in self.lines.values() if not line.exhausted and line.best > -inf])


class _Arm(Protocol):
    evaluations: int

    @property
    def best(self) -> float: ...


A = TypeVar("A", bound=_Arm)


def ucb(arms: Iterable[A]) -> A | None:
    """The most promising: best score plus a bonus for what was looked at little. The earlier of equals."""
    arms = list(arms)
    total = 1 + sum(arm.evaluations for arm in arms)
    return max(arms, key=lambda arm: arm.best + CURIOSITY * sqrt(log(total) / max(arm.evaluations, 1)), default=None)


class Population:
    """All structures with at least one configuration that counts, in the order in which they were found."""

    def __init__(self) -> None:
        self.structures: dict[str, Structure] = {}
        self._of: dict[str, str] = {}
        self.best = -inf
        self.stale = 0  # evaluations since the best of all improved

    def add(self, result: Result) -> None:
        if result.score is None and result.signature not in self.structures:
            return
        structure = self.structures.setdefault(result.signature, Structure(result.signature))
        line = structure.lines.setdefault(result.candidate, Line(result.candidate, result.dialect))
        self._of[result.candidate] = result.signature
        for counter in (structure, line):
            counter.evaluations += 1
        structure.stale = 0 if result.gain > 0 else structure.stale + 1
        self.stale += 1
        if result.score is not None:
            line.best = max(line.best, result.score)
            if result.score > self.best:
                self.stale = 0 if result.gain > 0 or self.best == -inf else self.stale
                self.best = result.score

    def line(self, candidate: str | None) -> Line | None:
        structure = self.of(candidate)
        return structure.lines[candidate] if structure else None

    def of(self, candidate: str | None) -> Structure | None:
        """The structure of a candidate, or None while nothing of it counts."""
        return self.structures.get(self._of.get(candidate, ""))

    def ranked(self) -> list[Structure]:
        return sorted(self.structures.values(), key=lambda structure: -structure.best)
