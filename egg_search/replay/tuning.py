"""What studies propose, asked again. That is nearly all the work of a replay, and it is shared between processes: an
answer depends on nothing but what a study was told before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from egg_search.cluster import Workshop
from egg_search.core.step import TUNE
from egg_search.replay.difference import Difference, require_equal
from egg_search.replay.recording import Recording
from egg_search.replay.walk import Walk
from egg_search.rundir import PLANNED, Event, StepRecord

WORTH = 200  # tuning steps for each process: it takes two seconds to begin


class Share:
    """One tuning step of every `of`, from the `first` on."""

    def __init__(self, first: int = 0, of: int = 1) -> None:
        self._next, self._of = first, of

    def mine(self) -> bool:
        """Asked once for each tuning step."""
        self._next -= 1
        if self._next >= 0:
            return False
        self._next = self._of - 1
        return True


class TuningWalk(Walk):
    """Looks at its share of tuning steps, and at nothing else."""

    def __init__(self, recording: Recording, share: Share) -> None:
        super().__init__(recording)
        self._share = share

    def look(self, event: Event, record: StepRecord) -> None:
        if event.kind == PLANNED and record.step.operator == TUNE and self._share.mine():
            require_tuned(self, record)


def require_tuned(walk: Walk, record: StepRecord) -> None:
    jobs = walk.planner.tuning_jobs(record.step, record.wanted)
    require_equal(f"step {record.step.number}, configuration", record.jobs, jobs)


def processes_for(recording: Recording) -> int:
    tunings = sum(record.step.operator == TUNE for record in recording.steps.values())
    return max(1, min(len(os.sched_getaffinity(0)), tunings // WORTH))


@contextmanager
def others(path: Path, workshop: Workshop | None, processes: int) -> Iterator[list[Future[Difference | None]]]:
    """All processes but this one, which has the first share."""
    if processes == 1:
        yield []
        return
    with ProcessPoolExecutor(processes - 1, get_context("spawn")) as pool:
        yield [pool.submit(_look, path, workshop, number, processes) for number in range(1, processes)]


def _look(path: Path, workshop: Workshop | None, number: int, of: int) -> Difference | None:
    try:
        TuningWalk(Recording.open(path, workshop), Share(number, of)).run()
    except Difference as difference:
        return difference
    return None
