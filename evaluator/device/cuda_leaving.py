"""Workers that end while the next ones begin: a GPU's context takes a twentieth of a second to go."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from evaluator.isolation.worker import Worker


class Leaving:
    """Thread-safe. What a worker held of the device is free once `wait` has returned."""

    def __init__(self) -> None:
        self._closer = ThreadPoolExecutor(1, thread_name_prefix="leaving")
        self._ending: deque[Future[int]] = deque()

    def add(self, worker: Worker) -> None:
        """Kills the worker, and does not wait for its end."""
        worker.kill()
        self._ending.append(self._closer.submit(worker.close))

    def wait(self) -> None:
        """Until all have ended."""
        for each in tuple(self._ending):
            each.exception()  # what went wrong at its end is nobody else's fault
            with suppress(ValueError):  # another thread waited, too
                self._ending.remove(each)

    def close(self) -> None:
        self._closer.shutdown()
