"""Recorded data that another policy may draw from: what authors proposed, and verdicts."""

from __future__ import annotations

from egg_search.core.step import TUNE, Job, Step
from egg_search.core.verdict import Verdict
from egg_search.replay.recording import Recording
from egg_search.rundir import StepRecord

Key = tuple[str, str]


class Pool:
    """Every recorded step of an author is taken once; configurations are handed out by candidate."""

    def __init__(self, recording: Recording) -> None:
        planned = [record for record in recording.steps.values() if record.planned]
        self._written = [record for record in planned if record.step.operator != TUNE]
        self.exhausted = {each.step.parent for each in planned if each.step.operator == TUNE and not each.jobs}
        self._jobs: dict[Key, tuple[Job, Verdict]] = {}
        self._of: dict[str, dict[str, Job]] = {}
        self._costs: dict[tuple[Key, ...], float] = {}
        self._shares: dict[Key, float] = {}
        for record in planned:
            self._costs[tuple(job.key for job in record.jobs)] = record.cost
            for each in record.evaluations:
                if each.verdict is not None:
                    candidate, configuration = key = each.job.key
                    self._jobs[key] = each.job, each.verdict
                    self._of.setdefault(candidate, {})[configuration] = each.job
                    self._shares[key] = record.cost / len(record.jobs)

    def take(self, step: Step) -> StepRecord | None:
        """What the same author once made of the same operator and parent: that which followed most of the principles
        that are wanted now, of equals the earliest."""
        fits = [each for each in self._written if _same(each.step, step)]
        if not fits:
            return None
        found = max(fits, key=lambda each: len(set(each.step.principles) & set(step.principles)))
        self._written.remove(found)
        return found

    def configurations(self, candidate: str) -> dict[str, Job]:
        """Those that were judged."""
        return self._of.get(candidate, {})

    def verdict(self, job: Job) -> Verdict | None:
        found = self._jobs.get(job.key)
        return found and found[1]

    def cost(self, jobs: list[Job]) -> float:
        """Of a step with these jobs: as recorded, or the shares that they had in theirs."""
        keys = tuple(job.key for job in jobs)
        return self._costs[keys] if keys in self._costs else sum(self._shares[key] for key in keys)


def _same(recorded: Step, wanted: Step) -> bool:
    fields = ("operator", "author", "dialect", "parent")
    return all(getattr(recorded, name) == getattr(wanted, name) for name in fields)
