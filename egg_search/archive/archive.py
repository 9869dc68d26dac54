"""Niches and what enters them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from egg_search.archive.admission import Admission
from egg_search.archive.elite import Elite, is_faster
from egg_search.archive.front import pareto_front
from egg_search.core.candidate import content_hash
from egg_search.core.step import Job
from egg_search.core.verdict import PrecisionClass, Verdict

Niche = tuple[str, PrecisionClass]
RESERVE = 6  # runners-up a niche remembers, for when its best does not stand up to a second judgement


class AddStatus(StrEnum):
    NEW = "new"  # the first of its niche
    IMPROVED = "improved"  # beats its niche's best beyond noise
    NOT_ADDED = "not added"


@dataclass(frozen=True)
class AddResult:
    """`gain` is the reward: the log of the speedup over what was there before; 0 when nothing improved.

    A new niche gains what it is faster than everything as exact; the very first elite has nothing to beat.
    """

    status: AddStatus
    gain: float = 0.0


@dataclass
class _Standing:
    best: Elite
    reserve: list[Elite] = field(default_factory=list)


class Archive:
    """`admits` says what may enter."""

    def __init__(self, admits: Admission = Admission()) -> None:  # noqa: B008 (frozen)
        self._admits = admits
        self._niches: dict[Niche, _Standing] = {}

    def add(self, job: Job, signature: str, verdict: Verdict) -> AddResult:
        """Only admitted verdicts enter. Slower elites still join the niche's reserve."""
        if not self._admits(verdict):
            return AddResult(AddStatus.NOT_ADDED)
        elite = Elite(job, signature, verdict)
        standing = self._niches.get((signature, elite.precision))
        if standing is None:
            rival = self.best(elite.precision)
            self._niches[signature, elite.precision] = _Standing(elite)
            return AddResult(AddStatus.NEW, max(0.0, elite.score - rival.score) if rival else 0.0)
        if is_faster(verdict, standing.best.verdict):
            gain = elite.score - standing.best.score
            self._keep(standing, standing.best)
            standing.best = elite
            return AddResult(AddStatus.IMPROVED, gain)
        self._keep(standing, elite)
        return AddResult(AddStatus.NOT_ADDED)

    @staticmethod
    def _keep(standing: _Standing, elite: Elite) -> None:
        standing.reserve = sorted([*standing.reserve, elite], key=lambda e: -e.floor)[:RESERVE]

    def __len__(self) -> int:
        return len(self._niches)

    def __iter__(self) -> Iterator[Elite]:
        """The best of each niche, in the order in which niches were found."""
        return (standing.best for standing in self._niches.values())

    def best(self, at_least: PrecisionClass = PrecisionClass.LOOSE) -> Elite | None:
        """The fastest that is as exact as `at_least`."""
        return max((e for e in self if e.precision.rank <= at_least.rank), key=lambda e: e.score, default=None)

    def of_structure(self, signature: str) -> Elite | None:
        """The fastest of one structure, in any class."""
        return max((e for e in self if e.signature == signature), key=lambda e: e.score, default=None)

    def signatures(self) -> frozenset[str]:
        return frozenset(signature for signature, _ in self._niches)

    def digest(self) -> str:
        """Equal for archives that hold the same in the same order, to the last bit of every score."""
        held = [
            [niche, [[elite.job.key, elite.score, elite.floor] for elite in (standing.best, *standing.reserve)]]
            for niche, standing in self._niches.items()
        ]
        return content_hash(json.dumps(held))

    def front(self) -> list[Elite]:
        """Fastest first; see `pareto_front`."""
        return pareto_front(self)

    def contenders(self, count: int) -> list[Elite]:
        """The `count` of each class, runners-up too, that are fastest at the lower bounds of their intervals."""
        everyone = [e for s in self._niches.values() for e in (s.best, *s.reserve)]
        everyone.sort(key=lambda e: -e.floor)
        return [e for c in PrecisionClass for e in [e for e in everyone if e.precision is c][:count]]
