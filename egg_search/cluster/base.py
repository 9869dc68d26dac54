"""The contract between a campaign and whatever runs its authors, builds and measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from egg_search.core.candidate import Candidate
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Configuration
from egg_search.core.survey import Survey
from egg_search.core.verdict import Outcome, Verdict
from evaluator.settings import Effort
from operators.base import Author, Brief, Draft, Refusal

INFRASTRUCTURE = "infrastructure"  # the flag of a verdict that says nothing of its candidate


class ClusterLost(UserError):
    """No measuring worker is left. What was judged is kept; the campaign can be resumed."""


@dataclass(frozen=True)
class Task:
    """One configuration to build, check and time."""

    candidate: Candidate
    configuration: Configuration
    effort: Effort

    @property
    def source(self) -> str:
        """What is built."""
        return self.candidate.bound(self.configuration)


class Report(Protocol):
    """What came of a build: `outcome` is None when it succeeded."""

    outcome: Outcome | None
    reason: str
    seconds: float


class Judge(Protocol):
    """An evaluator that owns one device. Made and used in one process."""

    def baselines(self) -> Mapping[str, float]:
        """Raises UserError or WorkerFailure when the problem does not run."""

    @property
    def baseline_failures(self) -> Mapping[str, str]: ...

    @property
    def problem_notes(self) -> tuple[str, ...]: ...

    def judge(
        self, candidate: Candidate, configuration: Configuration, effort: Effort, best_ms: float | None = None
    ) -> Verdict: ...

    def renew(self, ahead: Sequence[str] = ()) -> None:
        """Draws new secret inputs for all that follows, and builds anew; the bound sources `ahead` come next."""

    def close(self) -> None: ...


class Workshop(Protocol):
    """What workers make their tools of, each in its own process. Pickles."""

    hardware: Hardware
    authors: tuple[str, ...]
    aside: Mapping[str, int]  # of these, those that wait for others rather than work; how many steps each may be at

    def check(self) -> None:
        """Raises UserError when a campaign cannot work here: an unfit problem, no compiler."""

    def operators(self) -> tuple[str, ...]:
        """Names of all operators."""

    def author(self, name: str) -> Author: ...

    def warm(self, author: Author) -> None: ...

    def propose(self, operator: str, brief: Brief, author: Author) -> list[Draft | Refusal]: ...

    def start_builders(self) -> None: ...

    def build(self, source: str) -> Report: ...

    def judge(self) -> Judge: ...

    def here(self) -> Hardware:
        """What this process would measure on: on another machine than `hardware` was read from it may be another
        model."""


class Proposal(Protocol):
    """An author at work."""

    def ready(self) -> bool:
        """Whether calling it would not wait."""

    def __call__(self) -> list[Draft | Refusal]:
        """Waits. Raises AuthorError when the author cannot work."""


@dataclass(frozen=True)
class Waiting:
    """A proposal that is made, or arrives, while it is waited for."""

    make: Callable[[], list[Draft | Refusal]]

    def ready(self) -> bool:
        return True

    def __call__(self) -> list[Draft | Refusal]:
        return self.make()


Key = Hashable  # by which a verdict is known again
BestMs = Callable[[], float | None]  # asked when a measurement starts: the time to beat


class Cluster(Protocol):
    """`devices` measure at a time. `ahead` is how many tasks should be under way at the least, so that measuring does
    not wait for building; 1 where building disturbs measuring. `aside` is the workshop's. `seconds` sums what was spent
    on "author" (while it is waited for, unless it is aside), "build" (while nothing is measured) and "run"."""

    aside: Mapping[str, int]
    devices: int
    ahead: int
    seconds: Counter[str]

    def survey(self) -> Survey:
        """As the first device found it; all are ready to measure then. Raises UserError when the problem does not run
        there."""

    def propose(self, operator: str, brief: Brief, author: str) -> Proposal:
        """Starts an author."""

    def submit(self, key: Key, task: Task) -> None:
        """Begins to build it, to be measured after what was submitted before; returns at once."""

    def take(self, best_ms: BestMs) -> tuple[Key, Verdict]:
        """Waits for the next verdict on anything submitted. Where building disturbs measuring, all are built before one
        is measured. Raises ClusterLost."""

    def clear(self) -> None:
        """Forgets what was submitted and has no verdict yet."""

    def renew(self, ahead: Sequence[Task] = ()) -> None:
        """Every device draws new secret inputs: what screening chose must also be right and fast on others. The tasks
        `ahead` are submitted next."""

    def close(self) -> None: ...


def ahead_on(hardware: Hardware) -> int:
    """For one device. CPUs that build cannot measure meanwhile; beside a GPU they have nothing better to do, and a
    build takes as long as several measurements."""
    return 5 if hardware.kind == "cuda" else 1


def judge_all(cluster: Cluster, tasks: Sequence[Task], best_ms: BestMs) -> Iterator[tuple[int, Verdict]]:
    """(index, verdict) of these tasks and no others, as they come. Raises ClusterLost."""
    cluster.clear()
    for index, task in enumerate(tasks):
        cluster.submit(index, task)
    for _ in tasks:
        yield cluster.take(best_ms)


def survey_by(judge: Judge) -> Survey:
    """Raises what `Judge.baselines` raises."""
    baselines = dict(judge.baselines())  # with which the rest is known
    reached = getattr(judge, "roofline", None)
    return Survey(baselines, dict(judge.baseline_failures), tuple(judge.problem_notes), roofline=reached)


def is_infrastructure(verdict: Verdict) -> bool:
    return INFRASTRUCTURE in verdict.flags


def build_verdict(report: Report) -> Verdict:
    """The verdict on a configuration that did not build."""
    return Verdict(report.outcome, report.reason, build_seconds=report.seconds)
