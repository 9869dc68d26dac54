"""Everything in the driver's own process: for tests, debuggers and `--ray-address none`."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

from egg_search.cluster.aside import Aside
from egg_search.cluster.base import (
    BestMs,
    Key,
    Proposal,
    Report,
    Task,
    Waiting,
    Workshop,
    ahead_on,
    build_verdict,
    survey_by,
)
from egg_search.core.errors import UserError
from egg_search.core.sharing import used_by_others
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from evaluator.isolation.failure import WorkerFailure
from operators.base import Brief, Draft, Refusal


class LocalCluster:
    """One device. Authors that work themselves do so when they are waited for; builds run on as many threads as there
    are cores."""

    devices = 1

    def __init__(self, workshop: Workshop) -> None:
        self.seconds: Counter[str] = Counter()
        self._workshop = workshop
        self._aside = Aside(workshop, self.seconds)
        self.aside = self._aside.capacity
        self._author = cache(workshop.author)
        self._builders = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        self.ahead = ahead_on(workshop.hardware)
        self._submitted: deque[tuple[Key, Task, Future[Report]]] = deque()
        self._others = used_by_others(workshop.hardware)  # before the device is ours
        self._judge = workshop.judge()

    def survey(self) -> Survey:
        try:
            return survey_by(self._judge).on(others=[self._others])
        except WorkerFailure as failure:
            raise UserError(failure.reason) from None

    def propose(self, operator: str, brief: Brief, author: str) -> Proposal:
        if author in self.aside:
            return self._aside.propose(operator, brief, author)
        return Waiting(lambda: self._propose(operator, brief, author))

    def _propose(self, operator: str, brief: Brief, author: str) -> list[Draft | Refusal]:
        started = time.perf_counter()
        drafts = self._workshop.propose(operator, brief, self._author(author))
        self.seconds["author"] += time.perf_counter() - started
        return drafts

    def submit(self, key: Key, task: Task) -> None:
        build = self._builders.submit(self._workshop.build, task.source)
        self._submitted.append((key, task, build))

    def take(self, best_ms: BestMs) -> tuple[Key, Verdict]:
        started = time.perf_counter()
        if self.ahead == 1:
            wait([build for *_, build in self._submitted])
        key, task, build = self._submitted.popleft()
        report = build.result()
        self.seconds["build"] += time.perf_counter() - started
        if report.outcome is not None:
            return key, build_verdict(report)
        started = time.perf_counter()
        verdict = self._judge.judge(task.candidate, task.configuration, task.effort, best_ms())
        self.seconds["run"] += time.perf_counter() - started
        return key, verdict

    def clear(self) -> None:
        for *_, build in self._submitted:
            build.cancel()
        self._submitted.clear()

    def renew(self, ahead: Sequence[Task] = ()) -> None:
        self._judge.renew([task.source for task in ahead])

    def close(self) -> None:
        self._aside.close()
        self._builders.shutdown(cancel_futures=True)
        self._judge.close()
