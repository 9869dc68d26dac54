"""What Ray runs. Each worker makes its tools once, from the workshop."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

import ray

from egg_search.cluster.base import Report, Task, Workshop, survey_by
from egg_search.cluster.lost_context import ending_with_its_context
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.sharing import used_by_others
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from evaluator.isolation.base import MAKES_WAY
from evaluator.isolation.failure import WorkerFailure
from operators.base import AuthorError, Brief, Draft, Refusal


@ray.remote(num_cpus=0, max_restarts=-1)
class Builder:
    """Starts a machine's compilers, as many at a time as Ray gives it threads."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        if workshop.hardware.kind == "cuda":  # it works while others measure
            os.setpriority(os.PRIO_PROCESS, 0, max(MAKES_WAY, os.getpriority(os.PRIO_PROCESS, 0)))

    def ready(self) -> bool:
        return True

    def start(self) -> None:
        with suppress(Exception):  # what goes wrong shows in the first build
            self._workshop.start_builders()

    def build(self, source: str) -> Report:
        return self._workshop.build(source)


@ray.remote(num_cpus=0, max_restarts=2, max_task_retries=1)
class AuthorWorker:
    """Authors of one campaign. An author that cannot work comes back as its message: errors need not pickle."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._author = cache(workshop.author)

    def warm(self, author: str) -> None:
        """While the baselines are measured. What goes wrong shows when the author is asked."""
        with suppress(Exception):
            self._workshop.warm(self._author(author))

    def propose(self, operator: str, brief: Brief, author: str) -> list[Draft | Refusal] | str:
        try:
            return self._workshop.propose(operator, brief, self._author(author))
        except AuthorError as error:
            return str(error)


@ray.remote(num_cpus=0, max_restarts=-1)
class Measurer:
    """Owns one device through its evaluator; Ray runs its calls one at a time. Ends when its GPU context is lost: Ray
    starts it anew."""

    def __init__(self, workshop: Workshop) -> None:
        # Ray allows a worker one OpenMP thread; what is measured has the whole machine.
        os.environ["OMP_NUM_THREADS"] = str(len(os.sched_getaffinity(0)))
        self._workshop, self._others = workshop, used_by_others(workshop.hardware)  # before the device is ours
        self._judge = workshop.judge()

    def ready(self) -> bool:
        return True

    def hardware(self) -> Hardware:
        """The GPU that Ray gave this worker."""
        return self._workshop.here()

    def others(self) -> str | None:
        """Who else uses the GPU, as it was when this worker started."""
        return self._others

    def survey(self) -> Survey | str:
        """A message where the problem does not run: errors need not pickle."""
        try:
            with ending_with_its_context():
                return survey_by(self._judge)
        except (UserError, WorkerFailure) as error:
            return getattr(error, "reason", None) or str(error)

    def measure(self, task: Task, best_ms: float | None) -> tuple[Verdict, float]:
        started = time.perf_counter()
        with ending_with_its_context():
            verdict = self._judge.judge(task.candidate, task.configuration, task.effort, best_ms)
        return verdict, time.perf_counter() - started

    def renew(self, ahead: Sequence[str]) -> None:
        with ending_with_its_context():
            self._judge.renew(ahead)

    def close(self) -> None:
        self._judge.close()
