"""EGG's two stages as a loop: seeds, then levers in order for each structure, then whatever pays; and back again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from egg_search.core.candidate import Dialect
from egg_search.core.knobs import Lever
from egg_search.core.step import STAGE_ONE, TUNE, Step, derive_seed
from egg_search.schedulers.base import Feedback, Menu, Result
from egg_search.schedulers.credit import Credit, arm
from egg_search.schedulers.population import Population, Structure, ucb

ORDER = (Lever.MAPPING, Lever.TILING, Lever.STAGING, Lever.PRECISION)
PATIENCE = 8  # evaluations of a structure without a gain before its first round goes on to the next lever
STAGNATION = 32  # evaluations without a new best before stage one gets a turn
PRINCIPLES = 3  # a brief
REPAIRS = 2  # attempts on one broken draft, and barren attempts before an author is no longer asked


class StagedScheduler:
    """Several structures stay alive: UCB picks one a step. Its first round goes mapping, tiling, staging,
    precision, each an operator's drafts and then tuning until nothing is gained (and meanwhile, where an author has
    other work); after that, and between stages one and two when the whole search stagnates, a bandit picks by measured
    gain for its cost. So are principles, and models."""

    def __init__(self, menu: Menu, seed: int) -> None:
        self._menu, self._seed, self._begun = menu, seed, 0
        self._idle: Collection[str] | None = None  # of the step that is being chosen
        self._population = Population()
        self._credit = Credit(menu.priors)
        self._tried: dict[tuple[str, str, str | None], set[str]] = {}  # (operator, author, parent) to principles
        self._seeded: set[tuple[str, Dialect]] = set()
        self._broken: list[tuple[str, str, Dialect]] = []  # candidate, author, dialect
        self._barren: set[int] = set()  # steps that nothing is judged of
        self._repairs: Counter[str] = Counter()  # attempts by candidate, barren attempts by author

    def next(self, number: int, idle: Collection[str] | None = None) -> Step | None:
        self._idle = idle
        rng = random.Random(derive_seed(self._seed, number, "schedule"))
        step = (
            self._first_seeds(number, rng)
            or self._repair(number)
            or (self._stage_one(number, rng) if self._population.stale >= STAGNATION else None)
            or self._stage_two(number, rng)
            or self._stage_one(number, rng)
        )
        return replace(step, preference=self._credit.preference(step.author, rng)) if step and step.author else step

    def begin(self, step: Step) -> None:
        if step.number > self._begun:
            self._begun = step.number
            self._mark(step)

    def plan(self, step: Step, jobs: int) -> None:
        if jobs or step.number in self._barren:
            return
        self._barren.add(step.number)
        line = self._population.line(step.parent)
        if step.operator == TUNE and line:
            line.exhausted = True
        elif step.operator == "repair":
            self._repairs[step.author] += 1

    def observe(self, step: Step, feedback: Feedback) -> None:
        self.begin(step)
        self.plan(step, len(feedback.results))
        if feedback.results and step.operator == "repair":
            self._repairs[step.author] = 0
        self._credit.give(step, feedback)
        for result in feedback.results:
            if result.at_fault:
                self._population.add(result)
                self._note_broken(step, result)
        if step.operator in STAGE_ONE and feedback.results:
            self._population.stale = 0

    def _mark(self, step: Step) -> None:
        """Where the step leaves the rounds: what was tried, and which lever its structure is at."""
        if step.operator == "seed":
            self._seeded.add((step.author, step.dialect))
        if step.operator == "repair":
            self._broken = [broken for broken in self._broken if broken[0] != step.parent]
        if step.operator != TUNE:
            tried = self._tried.setdefault((step.operator, step.author, step.parent), set())
            tried.update(step.principles or ("",))
        structure = self._population.of(step.parent)
        if structure and (step.operator == TUNE or step.lever):
            at = ORDER.index(step.lever) if step.lever else len(ORDER)
            again = step.operator != TUNE and at == structure.position and structure.edited
            structure.move_to(len(ORDER) if at < structure.position or again else at)
            if step.operator != TUNE and not structure.edited:
                structure.edited, structure.stale = True, 0  # what was tuned before was not this lever's

    def _note_broken(self, step: Step, result: Result) -> None:
        attempts = self._repairs[step.parent] if step.operator == "repair" else 0
        if result.score is None and step.operator != TUNE and attempts < REPAIRS:
            self._repairs[result.candidate] = attempts + 1
            self._broken.append((result.candidate, step.author, result.dialect))

    def report(self) -> dict[str, Any]:
        """As `Credit.report`, and `structures`, best first."""
        return {
            **self._credit.report(),
            "structures": [
                {
                    "signature": structure.signature,
                    "score": structure.best,
                    "evaluations": structure.evaluations,
                    "candidates": len(structure.lines),
                    "champion": structure.champion().candidate,
                }
                for structure in self._population.ranked()
            ],
        }

    def _first_seeds(self, number: int, rng: random.Random) -> Step | None:
        for author, dialect in self._menu.writers:
            if (author, dialect) not in self._seeded and self._may(author):
                names = tuple(self._menu.applicable("seed", None))
                return Step(number, "seed", "first structures", self._menu.seeds, author, dialect, principles=names)
        return None

    def _repair(self, number: int) -> Step | None:
        if "repair" not in self._menu.operators:
            return None
        for candidate, author, dialect in self._broken:
            if self._repairs[author] < REPAIRS and self._may(author):
                return Step(number, "repair", "a draft failed", 1, author, dialect, candidate)
        return None

    def _stage_one(self, number: int, rng: random.Random) -> Step | None:
        why = "no new best" if self._population.stale >= STAGNATION else "nothing left in stage two"
        ways = [self._refine(number, rng, structure, why) for structure in self._population.ranked()[:3]]
        ways += [self._edit("seed", number, rng, None, why, dialect) for _, dialect in self._menu.writers]
        return self._choose(ways, rng)

    def _refine(self, number: int, rng: random.Random, structure: Structure, why: str) -> Step | None:
        champion = structure.champion()
        return self._edit("refine", number, rng, champion.candidate, why, champion.dialect)

    def _stage_two(self, number: int, rng: random.Random) -> Step | None:
        for structure in self._alive():
            if step := self._first_round(number, rng, structure) or self._what_pays(number, rng, structure):
                return step
        return None

    def _first_round(self, number: int, rng: random.Random, structure: Structure) -> Step | None:
        for position in range(structure.position, len(ORDER)):
            lever, here = ORDER[position], position == structure.position
            if not self._has_a_say(lever, structure):
                continue
            why = f"first round: {lever}"
            if not (here and structure.edited):
                if step := self._lever(number, rng, structure, lever, why):
                    return step
                if self._awaited(lever, structure):  # meanwhile the round stays where it is
                    return self._tune(number, structure, ORDER[structure.position], f"waiting for {lever}")
            if not (here and structure.stale >= PATIENCE) and (step := self._tune(number, structure, lever, why)):
                return step
        return None

    def _has_a_say(self, lever: Lever, structure: Structure) -> bool:
        """Arithmetic is a choice only where a principle says so: most kernels have one, and nothing of it to tune."""
        return lever is not Lever.PRECISION or bool(self._menu.applicable(lever.value, structure.champion().candidate))

    def _awaited(self, lever: Lever, structure: Structure) -> bool:
        """Whether an author that has other work, and is soon back, has something left to do for the lever."""
        champion = structure.champion()
        absent = [
            author
            for author, dialect in self._menu.writers
            if dialect is champion.dialect and author in self._menu.led and not self._may(author)
        ]
        known = lever.value in self._menu.operators
        return known and any(self._left(lever.value, author, champion.candidate) for author in absent)

    def _what_pays(self, number: int, rng: random.Random, structure: Structure) -> Step | None:
        why = "what paid off"
        ways = [self._lever(number, rng, structure, lever, why) for lever in ORDER if self._has_a_say(lever, structure)]
        ways += [self._tune(number, structure, None, why), self._refine(number, rng, structure, why)]
        return self._choose(ways, rng)

    def _alive(self) -> list[Structure]:
        """Structures, the most promising first."""
        left, order = [s for s in self._population.structures.values() if s.best > float("-inf")], []
        while left:
            order.append(ucb(left))
            left.remove(order[-1])
        return order

    def _lever(self, number: int, rng: random.Random, structure: Structure, lever: Lever, why: str) -> Step | None:
        champion = structure.champion()
        return self._edit(lever.value, number, rng, champion.candidate, why, champion.dialect, lever)

    def _tune(self, number: int, structure: Structure, lever: Lever | None, why: str) -> Step | None:
        line = structure.to_tune() if self._may(TUNE) else None
        if line is None:
            return None
        return Step(number, TUNE, why, self._menu.batch, parent=line.candidate, dialect=line.dialect, lever=lever)

    def _edit(
        self,
        operator: str,
        number: int,
        rng: random.Random,
        parent: str | None,
        why: str,
        dialect: Dialect,
        lever: Lever | None = None,
    ) -> Step | None:
        """A step of `operator` with principles that it has not followed on this parent, or None when none are left."""
        if operator not in self._menu.operators:
            return None
        limit = self._menu.seeds if lever is None else self._menu.drafts
        authors = [author for author, theirs in self._menu.writers if theirs is dialect and self._may(author)]
        for name in self._credit.operators.rank([f"{operator}/{author}" for author in authors], rng):
            author = name.removeprefix(f"{operator}/")
            left, tried = self._left(operator, author, parent), (operator, author, parent) in self._tried
            if left or not (tried or (lever and author in self._menu.led)):
                names = tuple(self._credit.principles.rank(left, rng)[:PRINCIPLES])
                return Step(number, operator, why, limit, author, dialect, parent, lever, names)
        return None

    def _left(self, operator: str, author: str, parent: str | None) -> list[str]:
        """Principles that the author has not followed on this parent."""
        tried = self._tried.get((operator, author, parent), set())
        return [name for name in self._menu.applicable(operator, parent) if name not in tried]

    def _may(self, worker: str) -> bool:
        return self._idle is None or worker in self._idle

    def _choose(self, ways: list[Step | None], rng: random.Random) -> Step | None:
        """The bandit's favourite among the steps that are possible; of one arm's steps the first."""
        by_arm = {arm(step): step for step in reversed(ways) if step}
        ranked = self._credit.operators.rank(by_arm, rng)
        return by_arm[ranked[0]] if ranked else None
