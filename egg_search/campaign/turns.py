"""Planned steps and their verdicts: those come in any order, and count step by step, in the order of positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from egg_search.core.step import Job, Step
from egg_search.core.verdict import Verdict
from egg_search.rundir import DONE, JUDGED, PLANNED, Event, StepRecord


@dataclass
class _Turn:
    step: Step
    jobs: Sequence[Job]
    verdicts: dict[int, Verdict] = field(default_factory=dict)  # by position
    counted: int = 0


class Turns:
    """It is the turn of the step that was planned first, until all of its verdicts have counted."""

    def __init__(self) -> None:
        self._turns: dict[int, _Turn] = {}  # by step, as they were planned

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def uncounted(self) -> int:
        """Jobs whose verdict has not counted: other than how many have none, it does not depend on who came first."""
        return sum(len(turn.jobs) - turn.counted for turn in self._turns.values())

    def add(self, step: Step, jobs: Sequence[Job]) -> None:
        self._turns[step.number] = _Turn(step, jobs)

    def arrived(self, step: int, position: int, verdict: Verdict) -> None:
        self._turns[step].verdicts[position] = verdict

    def follow(self, event: Event, record: StepRecord) -> None:
        """What a journal tells of a step, whose record it is."""
        if event.kind == PLANNED:
            self.add(record.step, record.jobs)
        elif event.kind == JUDGED:
            self.arrived(event.step, event.position, record.evaluations[event.position].verdict)
        elif event.kind == DONE:
            self.over()

    def counting(self) -> Iterator[tuple[Step, Job, Verdict]]:
        """The verdicts that count now."""
        turn = next(iter(self._turns.values()), None)
        while turn and turn.counted in turn.verdicts:
            position, turn.counted = turn.counted, turn.counted + 1
            yield turn.step, turn.jobs[position], turn.verdicts[position]

    def over(self) -> Step | None:
        """The step whose turn it is, handed over, if all of its verdicts have counted."""
        turn = next(iter(self._turns.values()), None)
        if turn is None or turn.counted < len(turn.jobs):
            return None
        return self._turns.pop(turn.step.number).step

    def waiting(self) -> list[tuple[int, int, Job]]:
        """(step, position, job) of what has no verdict."""
        return [
            (turn.step.number, position, job)
            for turn in self._turns.values()
            for position, job in enumerate(turn.jobs)
            if position not in turn.verdicts
        ]
