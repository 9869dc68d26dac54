"""Workers that are started ahead: a process with a GPU's context takes a quarter of a second to make."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from evaluator.device.base import Rights
from evaluator.isolation.base import Limits, Stage
from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.isolation import Isolation
from evaluator.isolation.worker import Worker
from evaluator.protocol.memory import payload
from evaluator.protocol.records import Op
from evaluator.worker.models import NULL_MODEL
from evaluator.worker.setup import Setup

FILE_BYTES = 256 << 20
_CONTEXT_BYTES = 8 << 30  # of host memory, for CUDA's libraries and torch's kernels
_START_SECONDS = 60.0
_WAITING = 2  # a judgement may take less time than a worker takes to start
Key = tuple[int, tuple[str, ...]]


class Spares:
    """Some workers wait for the next candidates. For one user at a time."""

    def __init__(self, isolation: Isolation, cpus: tuple[int, ...]) -> None:
        self._isolation, self._cpus = isolation, cpus
        self._starter = ThreadPoolExecutor(_WAITING, thread_name_prefix="spare")
        self._key: Key | None = None  # of those that wait
        self._waiting: deque[Future[Worker]] = deque()

    def take(self, memory_bytes: int, environment: dict[str, str], rights: Rights) -> Worker:
        """A worker that has to be told its setup before it loads anything; another one is started for the next."""
        limits = Limits(
            memory_bytes + _CONTEXT_BYTES, FILE_BYTES, self._cpus, rights.stage, rights.readable, rights.writable,
            device="cuda",
        )  # fmt: skip
        if rights.stage is not Stage.RUN or rights.writable:
            return self._isolation.spawn(limits, environment)
        if self._key != (key := (memory_bytes, rights.readable)):
            self._drop()
            self._key = key
        worker = self._ready() or self._isolation.spawn(limits, {})
        while len(self._waiting) < _WAITING:
            self._waiting.append(self._starter.submit(self._start, limits))
        return worker

    def close(self) -> None:
        self._drop()
        self._starter.shutdown()

    def _ready(self) -> Worker | None:
        """The one that has waited longest, if one is alive."""
        while self._waiting:
            with suppress(WorkerFailure):
                return self._waiting.popleft().result()
        return None

    def _drop(self) -> None:
        while worker := self._ready():
            worker.close()

    def _start(self, limits: Limits) -> Worker:
        """A worker whose context is made. Raises WorkerFailure."""
        worker = self._isolation.spawn(limits, {})
        fd = payload(Setup())
        try:
            worker.request(Op.SETUP, _START_SECONDS, NULL_MODEL, fds=[fd])
        finally:
            os.close(fd)
        worker.pause()
        return worker
