"""Everything in the driver's own process: for tests, debuggers and `--ray-address none`."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from egg_search.cluster.base import BestMs, Proposal, Task, Workshop, build_verdict, survey_by
from egg_search.core.errors import UserError
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from evaluator.isolation.failure import WorkerFailure
from operators.base import Brief, Draft, Refusal


class LocalCluster:
    """One device. Authors work when they are waited for; builds run on as many threads as there are cores."""

    devices = 1

    def __init__(self, workshop: Workshop) -> None:
        self.seconds: Counter[str] = Counter()
        self._workshop = workshop
        self._author = cache(workshop.author)
        self._builders = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        self._judge = workshop.judge()

    def survey(self) -> Survey:
        try:
            return survey_by(self._judge)
        except WorkerFailure as failure:
            raise UserError(failure.reason) from None

    def propose(self, operator: str, brief: Brief, author: str) -> Proposal:
        def wait() -> list[Draft | Refusal]:
            started = time.perf_counter()
            drafts = self._workshop.propose(operator, brief, self._author(author))
            self.seconds["author"] += time.perf_counter() - started
            return drafts

        return wait

    def judge(self, tasks: Sequence[Task], best_ms: BestMs) -> Iterator[tuple[int, Verdict]]:
        started = time.perf_counter()
        sources = [task.candidate.bound(task.configuration) for task in tasks]
        reports = list(self._builders.map(self._workshop.build, sources))
        self.seconds["build"] += time.perf_counter() - started
        for index, (task, report) in enumerate(zip(tasks, reports, strict=True)):
            if report.outcome is not None:
                yield index, build_verdict(report)
                continue
            started = time.perf_counter()
            verdict = self._judge.judge(task.candidate, task.configuration, task.effort, best_ms())
            self.seconds["run"] += time.perf_counter() - started
            yield index, verdict

    def renew(self) -> None:
        self._judge.renew()

    def close(self) -> None:
        self._builders.shutdown(cancel_futures=True)
        self._judge.close()
