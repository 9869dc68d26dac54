"""Another policy on recorded data: it decides, the record answers. One step after the other, as on one device."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from egg_search.campaign.settings import Settings
from egg_search.core.step import TUNE, Job, Step, derive_seed
from egg_search.replay.pool import Pool
from egg_search.replay.recording import Recording
from operators.base import Draft, Refusal

BARREN = 200  # steps in a row without a verdict: what is recorded is used up as far as this policy goes


class Simulation:
    """`misses` counts steps for which nothing was recorded: they bring nothing."""

    def __init__(self, recording: Recording, settings: Settings) -> None:
        self.state, self._planner = recording.begin(settings)
        self.misses = 0
        self._used: set[tuple[str, str]] = set()
        self._pool, self._seed = Pool(recording), settings.seed
        self._devices = max((survey.devices for survey in recording.surveys.values()), default=1)

    def run(self) -> Iterator[None]:
        """Stops after every verdict."""
        barren = 0
        while barren < BARREN and (step := self.state.scheduler.next(self.state.begun + 1)):
            self.state.begin(step)
            drafts, jobs, cost = self._tuned(step) if step.operator == TUNE else self._written(step)
            self.state.plan(step, drafts, jobs)
            self._used |= {job.key for job in jobs}
            for job in jobs:
                self.state.judge(step, job, self._pool.verdict(job))
                yield
            self.state.finish(step, cost)
            barren = 0 if jobs else barren + 1

    def _written(self, step: Step) -> tuple[Sequence[Draft | Refusal], list[Job], float]:
        record = self._pool.take(step)
        if record is None:
            self.misses += 1
            return (), [], 0.0
        return record.drafts, [job for job in record.jobs if self._pool.verdict(job)], record.cost

    def _tuned(self, step: Step) -> tuple[Sequence[Draft | Refusal], list[Job], float]:
        """What the study prefers of the recorded configurations; where it finds too few of them, any others."""
        known, wanted = self._pool.configurations(step.parent), step.limit * self._devices
        jobs = self._planner.tuning_jobs(step, wanted, known)
        left = [job for job in known.values() if job.key not in self._used and job not in jobs]
        random.Random(derive_seed(self._seed, step.number, "left")).shuffle(left)
        jobs += left[: wanted - len(jobs)]
        self.misses += not jobs and step.parent not in self._pool.exhausted
        return (), jobs, self._pool.cost(jobs)
