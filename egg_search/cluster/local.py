"""Everything in the driver's own process: for tests, debuggers and `--ray-address none`."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

from egg_search.cluster.aside import Aside
from egg_search.cluster.base import (
    BestMs,
    Proposal,
    Report,
    Task,
    Waiting,
    Workshop,
    build_verdict,
    lookahead_on,
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
        self.lookahead = lookahead_on(workshop.hardware)
        self._prepared: dict[str, Future[Report]] = {}  # by source
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

    def prepare(self, tasks: Sequence[Task]) -> None:
        if self.lookahead > 1:
            for task in tasks:
                self._prepared[task.candidate.bound(task.configuration)] = self._build(task)

    def judge(self, tasks: Sequence[Task], best_ms: BestMs) -> Iterator[tuple[int, Verdict]]:
        started = time.perf_counter()
        builds = [self._build(task) for task in tasks]
        if self.lookahead == 1:
            wait(builds)
        self.seconds["build"] += time.perf_counter() - started
        for index, (task, build) in enumerate(zip(tasks, builds, strict=True)):
            started = time.perf_counter()
            report = build.result()
            self.seconds["build"] += time.perf_counter() - started
            if report.outcome is not None:
                yield index, build_verdict(report)
                continue
            started = time.perf_counter()
            verdict = self._judge.judge(task.candidate, task.configuration, task.effort, best_ms())
            self.seconds["run"] += time.perf_counter() - started
            yield index, verdict

    def _build(self, task: Task) -> Future[Report]:
        source = task.candidate.bound(task.configuration)
        return self._prepared.pop(source, None) or self._builders.submit(self._workshop.build, source)

    def renew(self) -> None:
        self._judge.renew()

    def close(self) -> None:
        self._aside.close()
        self._builders.shutdown(cancel_futures=True)
        self._judge.close()
