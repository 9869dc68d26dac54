"""A step of a journal that is told again."""

from __future__ import annotations

from egg_search.rundir import Evaluation, StepRecord


class Replayed:
    """A step whose verdicts come back as they once came: they count in the order of positions."""

    def __init__(self, record: StepRecord) -> None:
        self.record = record
        self._arrived: set[int] = set()
        self._counted = 0

    def judged(self, position: int) -> list[Evaluation]:
        """Those that count now that this one is there."""
        self._arrived.add(position)
        counting = []
        while self._counted in self._arrived:
            counting.append(self.record.evaluations[self._counted])
            self._counted += 1
        return counting
