"""Authors that wait for others rather than work, such as language models: in threads of the driver's process, which is
the only one that knows their keys."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from egg_search.cluster.base import Proposal, Workshop
from operators.base import Author, Brief, Draft, Refusal


class Threaded:
    """A proposal that a thread makes."""

    def __init__(self, future: Future[list[Draft | Refusal]]) -> None:
        self._future = future

    def ready(self) -> bool:
        return self._future.done()

    def __call__(self) -> list[Draft | Refusal]:
        return self._future.result()


class Aside:
    """Made before other processes are started: authors take their keys out of the environment, which those inherit."""

    def __init__(self, workshop: Workshop, seconds: Counter[str]) -> None:
        self.capacity: Mapping[str, int] = dict(workshop.aside)
        self._workshop, self._seconds = workshop, seconds
        self._authors: dict[str, Author] = {name: workshop.author(name) for name in self.capacity}
        self._threads = ThreadPoolExecutor(max(1, sum(self.capacity.values())), thread_name_prefix="author")

    def propose(self, operator: str, brief: Brief, author: str) -> Proposal:
        return Threaded(self._threads.submit(self._propose, operator, brief, author))

    def _propose(self, operator: str, brief: Brief, author: str) -> list[Draft | Refusal]:
        started = time.perf_counter()
        drafts = self._workshop.propose(operator, brief, self._authors[author])
        self._seconds["author"] += time.perf_counter() - started
        return drafts

    def close(self) -> None:
        """What is under way is not waited for."""
        for author in self._authors.values():
            if end := getattr(author, "close", None):
                end()
        self._threads.shutdown(wait=False, cancel_futures=True)
