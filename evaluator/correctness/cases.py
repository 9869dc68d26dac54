"""Which cases a problem is judged on: made when first wanted, kept within a bound of bytes."""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Iterator

from egg_search.core.problem import Problem
from egg_search.core.problem.variants import shape_variants
from evaluator.correctness.families import FAMILIES
from evaluator.correctness.reference import Case, Reference
from evaluator.settings import EvaluatorSettings

_MIN_CASES, _MAX_CASES, _MAX_POOL = 5, 24, 8
Key = tuple[int, int, str | None]  # (shape: 0 is the problem's own, which seed, family)


class CaseBook:
    """Cases of a problem and its shape variants. Seeds are secret: a candidate's process never learns them."""

    def __init__(self, problem: Problem, settings: EvaluatorSettings) -> None:
        self._problem, self._settings = problem, settings
        self._random = random.Random(settings.seed) if settings.seed is not None else random.SystemRandom()
        self._seeds: dict[Key, int] = {}
        self.references = [Reference(problem, self._draw())]
        self._variants: list[dict[str, int]] | None = None
        self._cases: OrderedDict[Key, Case | None] = OrderedDict()
        self._bytes = 0
        before = time.perf_counter()
        self.first = self.case((0, 0, None))
        self._seconds = time.perf_counter() - before

    @property
    def pool(self) -> int:
        """How many sets of the problem's own inputs there are; timing goes through them."""
        fit = self._settings.reference_bytes // 2 // max(1, self.first.bytes)
        return max(2, min(_MAX_POOL, self._affordable // 3, fit))

    def shipped(self, index: int) -> Case:
        case = self.case((0, index % self.pool, None))
        assert case is not None, "a problem's own inputs always make a case"
        return case

    def families(self) -> Iterator[Case]:
        """The families that make sense for the problem, the most revealing ones first, as many as are affordable."""
        for name in list(FAMILIES)[: max(2, self._affordable - self.pool)]:
            case = self.case((0, 0, name))
            if case is not None:
                yield case

    def renew(self) -> None:
        """Forgets all cases; what follows has new seeds. The references, and so the weights, stay."""
        self._seeds.clear()
        self._cases.clear()
        self._bytes = 0
        self.first = self.case((0, 0, None))

    def prepare(self) -> None:
        """Makes every case now rather than when it is first wanted."""
        for index in range(self.pool):
            self.shipped(index)
        for _ in self.families():
            pass
        for _ in self.variants():
            pass

    def screening(self) -> Iterator[Case]:
        """Two cases for a configuration of a structure that is known to be right."""
        yield self.shipped(0)
        yield next(self.families(), self.shipped(1))

    def variants(self) -> Iterator[tuple[int, Reference, list[Case]]]:
        """(model number, reference, cases) of every shape variant."""
        if self._variants is None:
            self._variants = shape_variants(self._problem, limit=self._settings.variants)
            for changed in self._variants:
                self.references.append(Reference(self._problem.with_overrides(changed), self._draw(), changed))
        for number, reference in enumerate(self.references[1:], start=1):
            cases = [self.case((number, 0, family)) for family in (None, "one row x100")]
            yield number, reference, [case for case in cases if case is not None]

    def case(self, key: Key) -> Case | None:
        if key not in self._cases:
            shape, _, family = key
            seed = self._seeds.setdefault(key, self._draw())
            case = self.references[shape].case(seed, family)
            self._cases[key] = case
            self._bytes += case.bytes if case else 0
            self._evict()
        self._cases.move_to_end(key)
        return self._cases[key]

    @property
    def _affordable(self) -> int:
        count = int(self._settings.reference_seconds / max(self._seconds, 1e-3))
        return max(_MIN_CASES, min(_MAX_CASES, count))

    def _evict(self) -> None:
        while self._bytes > self._settings.reference_bytes and len(self._cases) > 2:
            _, case = self._cases.popitem(last=False)
            self._bytes -= case.bytes if case else 0

    def _draw(self) -> int:
        return self._random.randrange(1 << 31)
