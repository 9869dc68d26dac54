"""The baseline that other schedulers must beat: any of the steps that are possible, each operator as likely."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from typing import Any

from egg_search.core.candidate import Dialect
from egg_search.core.knobs import Lever
from egg_search.core.step import TUNE, Step, derive_seed
from egg_search.schedulers.base import Feedback, Menu

PRINCIPLES = 3  # a brief
WHY = "drawn by lot"


class UniformScheduler:
    """Draws an operator, then an author and a parent, then principles. It learns nothing but what is used up: a parent
    without further configurations, and principles that an author has followed on it."""

    def __init__(self, menu: Menu, seed: int) -> None:
        self._menu, self._seed, self._begun = menu, seed, 0
        self._dialects: dict[str, Dialect] = {}  # of candidates that work, in the order in which they were found
        self._broken: dict[str, Dialect] = {}
        self._exhausted: set[str] = set()
        self._tried: dict[tuple[str, str, str | None, Dialect | None], set[str]] = {}  # principles

    def next(self, number: int, idle: Collection[str] | None = None) -> Step | None:
        rng = random.Random(derive_seed(self._seed, number, "schedule"))
        ways: dict[str, list[Step]] = {}
        for step in self._possible(number):
            if idle is None or (step.author or TUNE) in idle:
                ways.setdefault(step.operator, []).append(step)
        if not ways:
            return None
        return self._with_principles(rng.choice(rng.choice(list(ways.values()))), rng)

    def begin(self, step: Step) -> None:
        if step.number > self._begun:
            self._begun = step.number
            if step.operator != TUNE:
                self._tried.setdefault(_key(step), set()).update(step.principles)

    def plan(self, step: Step, jobs: int) -> None:
        if step.operator == TUNE and not jobs:
            self._exhausted.add(step.parent)

    def observe(self, step: Step, feedback: Feedback) -> None:
        self.begin(step)
        self.plan(step, len(feedback.results))
        for result in feedback.results:
            if result.score is not None:
                self._dialects[result.candidate] = result.dialect
                self._broken.pop(result.candidate, None)
            elif result.at_fault and result.candidate not in self._dialects:
                self._broken[result.candidate] = result.dialect

    def report(self) -> dict[str, Any]:
        """As others report; it has learnt nothing."""
        return {"operators": [], "principles": [], "structures": []}

    def _possible(self, number: int) -> Iterator[Step]:
        """Every step that could be next, without principles."""
        for author, dialect in self._menu.writers:
            yield from self._edits("seed", number, author, dialect, [None], self._menu.seeds)
            theirs = [candidate for candidate, its in self._dialects.items() if its is dialect]
            yield from self._edits("refine", number, author, dialect, theirs, self._menu.seeds)
            for lever in Lever:
                yield from self._edits(lever.value, number, author, dialect, theirs, self._menu.drafts, lever)
            broken = [candidate for candidate, its in self._broken.items() if its is dialect]
            yield from self._edits("repair", number, author, dialect, broken, 1)
        for candidate, dialect in self._dialects.items():
            if candidate not in self._exhausted:
                yield Step(number, TUNE, WHY, self._menu.batch, parent=candidate, dialect=dialect)

    def _edits(
        self,
        operator: str,
        number: int,
        author: str,
        dialect: Dialect,
        parents: list[str | None],
        limit: int,
        lever: Lever | None = None,
    ) -> Iterator[Step]:
        """Those that were not tried, or with principles that were not."""
        if operator in self._menu.operators:
            for parent in parents:
                step = Step(number, operator, WHY, limit, author, dialect, parent, lever)
                if _key(step) not in self._tried or self._left(step):
                    yield step

    def _left(self, step: Step) -> list[str]:
        tried = self._tried.get(_key(step), set())
        return [name for name in self._menu.applicable(step.operator, step.parent) if name not in tried]

    def _with_principles(self, step: Step, rng: random.Random) -> Step:
        if step.operator == TUNE:
            return step
        left = self._left(step)
        names = left if step.operator == "seed" else rng.sample(left, min(PRINCIPLES, len(left)))
        return Step(**{**vars(step), "principles": tuple(names)})


def _key(step: Step) -> tuple[str, str, str | None, Dialect | None]:
    return step.operator, step.author, step.parent, step.dialect
