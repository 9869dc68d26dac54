"""What a journal holds, as records."""

from __future__ import annotations

from dataclasses import dataclass, field

from egg_search.core.step import Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from operators.base import Draft, Refusal


@dataclass(frozen=True)
class Evaluation:
    """A job of a step; `verdict` is None until it was judged, `at` is when (Unix seconds)."""

    step: int
    position: int
    job: Job
    verdict: Verdict | None = None
    at: float | None = None


@dataclass(frozen=True)
class StepRecord:
    """A step and all that came of it. `elapsed` (seconds of search so far) is None until the step is done.
    `cost` is what its scheduler was told then, `idle` what it was told when it chose the step; `wanted` is how many
    configurations its study was asked for; `archive` is the digest of the archive after it."""

    step: Step
    planned: bool
    drafts: tuple[Draft | Refusal, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    elapsed: float | None = None
    timings: dict[str, float] = field(default_factory=dict)
    cost: float = 0.0
    idle: tuple[str, ...] | None = None
    wanted: int | None = None
    archive: str | None = None

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(evaluation.job for evaluation in self.evaluations)


@dataclass(frozen=True)
class Event:
    """Something that happened to a step: it was BEGUN, PLANNED, its job at `position` was JUDGED, it was DONE.
    `session` wrote it."""

    kind: str
    step: int
    position: int | None = None
    session: int | None = None


@dataclass(frozen=True)
class Session:
    id: int
    pid: int
    host: str
    started: float
    ended: float | None
    why: str | None
    survey: Survey
