"""Which cases a problem is judged on: made when first wanted, kept within a bound of bytes."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Collection, Hashable, Iterator

from egg_search.core.problem import Problem
from egg_search.core.problem.variants import shape_variants
from evaluator.correctness.families import FAMILIES
from evaluator.correctness.fresh import FreshCase, FreshInputs
from evaluator.correctness.reference import NO_ROOM, Case, Reference, at_rest
from evaluator.settings import EvaluatorSettings

_MIN_CASES, _MAX_CASES = 5, 24
_OWN = 3  # cases with truth of the problem's own inputs
_MEMORY_BYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
_OTHERS = 64 << 30  # bytes of a large memory that workers and a case being made need; a third of the rest keeps cases
_BESIDE = 4  # fresh sets that a judgement uses beside those of its longest timing
Key = tuple[int, int, str | None]  # (shape: 0 is the problem's own, seed, family)


class CaseBook:
    """Cases of a problem and its shape variants, and fresh inputs for timing; half of `reference_bytes` is for either.
    Seeds are secret: a candidate's process never learns them. Everything is computed, and lies, on `device`, which has
    `memory_bytes`."""

    def __init__(
        self, problem: Problem, settings: EvaluatorSettings, device: str = "cpu", memory_bytes: int = _MEMORY_BYTES
    ) -> None:
        self._problem, self._settings, self._device = problem, settings, device
        self._random = random.Random(settings.seed) if settings.seed is not None else random.SystemRandom()
        self.references = [Reference(problem, self.draw(), device=device)]
        self._variants: list[dict[str, int]] | None = None
        self._most_bytes = (settings.reference_bytes or max(memory_bytes // 8, (memory_bytes - _OTHERS) // 3)) // 2
        self._fresh = FreshInputs(
            self.references[0],
            self.own,
            self._truth,
            self._random,
            settings.full.max_rounds + _BESIDE,
            self._most_bytes,
        )
        self._forget()
        self._cost = math.inf  # of a case, in seconds
        self.first = self.shipped(0)

    def shipped(self, index: int) -> Case:
        """A case of the problem's own inputs."""
        return self._truth(self._seed(0, index))

    def own(self) -> list[Case]:
        """All cases with truth of the problem's own inputs: they also tell what is near eager on fresh inputs."""
        self.shipped(1)
        fit = self._most_bytes // max(1, self.first.bytes)
        return [self.shipped(index) for index in range(max(2, min(_OWN, self._affordable // 3, fit)))]

    def fresh(self, seen: set[Hashable] | None = None) -> Iterator[FreshCase]:
        """For one judgement, by a worker that has `seen` sets with these seeds: the problem's own inputs, another set
        each time, as long as there is room."""
        return self._fresh.judgement(set() if seen is None else seen)

    def fresh_cost(self, count: int, seen: Collection[Hashable]) -> float:
        """Seconds that so many sets for such a judgement take."""
        return self._fresh.cost(count, seen)

    @property
    def eager_seconds(self) -> float:
        """Of one call: the least so far. No case is made to find out."""
        own = (case for (shape, _, family), case in self._cases.items() if case and not shape and family is None)
        return min(case.seconds for case in (self.first, *own))

    def families(self, kept: bool | None = None) -> Iterator[Case]:
        """The families that make sense for the problem, the most revealing ones first, as many as are affordable; or of
        these only those that are `kept`, or that are not and have to be made again."""
        for name in list(FAMILIES)[: max(2, self._affordable - _OWN)]:
            key = 0, self._seed(0, 0, name), name
            if kept is None or kept == (key in self._cases or not self._prepared):
                case = self._case(*key)
                if case is not None:
                    yield case

    def renew(self) -> None:
        """Forgets all cases; what follows has new seeds. The references, and so the weights, stay."""
        self._forget()
        self._fresh.renew()
        self.first = self.shipped(0)

    def prepare(self) -> None:
        """Makes every case now rather than when it is first wanted, those first that every judgement wants. Until then
        every family counts as kept."""
        for _ in (*self.screening(), *self.own(), *self.families(), *self.variants()):
            pass
        self._prepared = True
        self._fresh.prepare(self._settings.reference_seconds / 2)
        self.references[0].give_back(plenty=1.0)

    def screening(self, seen: Collection[Hashable] = ()) -> Iterator[Case]:
        """Two cases for a configuration of a structure that is known to be right: of the own inputs, and of a family
        that its worker has not `seen`, by name."""
        yield self.shipped(0)
        yield next(self._unseen(seen), self.shipped(1))

    def may_screen(self, seen: Collection[Hashable]) -> bool:
        """Whether there is such a family, which is kept."""
        return next(self._unseen(seen), None) is not None

    def _unseen(self, seen: Collection[Hashable]) -> Iterator[Case]:
        return (case for case in self.families(kept=True if seen else None) if case.name not in seen)

    def variants(self) -> Iterator[tuple[int, Reference, list[Case]]]:
        """(model number, reference, cases) of every shape variant."""
        if self._variants is None:
            self._variants = shape_variants(self._problem, limit=self._settings.variants, device=self._device)
            for changed in self._variants:
                variant = self._problem.with_overrides(changed)
                self.references.append(Reference(variant, self.draw(), changed, self._device))
        for number, reference in enumerate(self.references[1:], start=1):
            cases = [self._case(number, self._seed(number, 0, name), name) for name in (None, "one row x100")]
            yield number, reference, [case for case in cases if case is not None]

    def _truth(self, seed: int) -> Case:
        case = self._case(0, seed)
        assert case is not None, "a problem's own inputs always make a case"
        return case

    def _case(self, shape: int, seed: int, family: str | None = None) -> Case | None:
        """Judgements go through the cases in the same order again and again, so the ones that are kept are those that
        came first."""
        key = shape, seed, family
        if key in self._cases:
            return self._cases[key]
        before = self._clock()
        try:
            case = self._made(shape, seed, family)
        except NO_ROOM:
            if family is None:
                raise
            return None  # this time
        if (shape, family) == (0, None):
            self._cost = min(self._cost, self._clock() - before)
        if self._prepared:
            self.references[0].give_back()
        size = case.bytes if case else 0
        if not size or self._bytes + size <= self._most_bytes or len(self._cases) < 2:
            self._cases[key] = case
            self._bytes += size
        return case

    def _made(self, shape: int, seed: int, family: str | None) -> Case | None:
        """A new case. Where the device has no room for another, what is kept beyond the first goes. Raises one of
        NO_ROOM where it does not fit even then."""
        try:
            return self.references[shape].case(seed, family)
        except NO_ROOM:
            self._cases = dict(list(self._cases.items())[:1])
            self._bytes = self._most_bytes  # keep no more
            self._fresh.renew()
            self.references[0].give_back()
        return self.references[shape].case(seed, family)

    def _seed(self, shape: int, index: int, family: str | None = None) -> int:
        key = shape, index, family
        if key not in self._seeds:
            self._seeds[key] = self.draw()
        return self._seeds[key]

    def _forget(self) -> None:
        self._seeds: dict[tuple[int, int, str | None], int] = {}
        self._cases: dict[Key, Case | None] = {}
        self._bytes = 0
        self._prepared = False

    def _clock(self) -> float:
        """This thread's own CPU time: a busy machine leaves nothing out. (That of all threads would count those that
        wait for work.) What a GPU takes shows on the wall only."""
        return time.thread_time() if self._device == "cpu" else at_rest(self._device)

    @property
    def _affordable(self) -> int:
        """How many cases there is time for, by the cheapest so far."""
        count = int(self._settings.reference_seconds / max(self._cost, 1e-3))
        if self._device != "cpu":  # where every judgement would wait for what is not kept
            count = min(count, self._most_bytes // max(1, self.first.bytes))
        return max(_MIN_CASES, min(_MAX_CASES, count))

    def draw(self) -> int:
        """A new seed."""
        return self._random.randrange(1 << 31)
