"""What becomes of workers when they have judged: they end while the next ones begin, or one waits to judge again.

A GPU's context takes a quarter of a second to make, one after another, and a twentieth to go.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.worker import Worker
from evaluator.protocol.records import Op, Status
from evaluator.worker.models import NULL_MODEL

_FORGET_SECONDS = 5.0
_CLEARING_SECONDS, _POLL_SECONDS = 1.0, 0.002
_MOST_HELD = 2 << 30  # bytes: libraries' workspaces, and workers that start meanwhile look like it
_OTHERS = 4 << 30  # bytes that the verifier, baselines and workers that start may have come to use meanwhile


@dataclass
class Tenant:
    """A worker, and what it is for: whatever has the same `key` may use it after another. `seen`: see `Seat`. Bytes of
    the device's memory: `free` were so many before it took any, and it `held` so many when it should hold none."""

    worker: Worker
    key: Hashable
    seen: set[Hashable] = field(default_factory=set)
    free: int = 0
    held: int = 0


class After:
    """Thread-safe, but for what is kept. What ended workers held of the device is free once `wait` has returned.
    `free_bytes` says how much of the device's memory is."""

    def __init__(self, free_bytes: Callable[[], int]) -> None:
        self._free_bytes, self._expected = free_bytes, 0
        self._closer = ThreadPoolExecutor(1, thread_name_prefix="leaving")
        self._ending: deque[Future[int]] = deque()
        self._kept: Tenant | None = None

    def leave(self, tenant: Tenant, keep: bool = False, took_much: bool = False) -> None:
        """It has judged. With `keep` it waits for another configuration, if it lets go of what it was given and of the
        device's memory. `took_much` of that may take a while to be free again, when it has ended."""
        self.drop()
        if keep and _forgets(tenant.worker):
            tenant.held = max(0, tenant.free - self._free_bytes())
            if tenant.held <= _MOST_HELD:
                self._kept = tenant
                return
        self._expected = max(self._expected, tenant.free - _OTHERS) if took_much else self._expected
        self.end(tenant.worker)

    def again(self, key: Hashable) -> Tenant | None:
        """The one that was kept, if it is for this. Otherwise it ends: while one candidate is judged, no other is
        there."""
        kept, self._kept = self._kept, None
        if kept is None or kept.key == key:
            return kept
        self.end(kept.worker)
        return None

    def drop(self) -> None:
        """Ends what was kept."""
        self.again(None)

    def end(self, worker: Worker) -> None:
        """Kills the worker, and does not wait for its end."""
        worker.kill()
        self._ending.append(self._closer.submit(worker.close))

    def wait(self) -> None:
        """Until all have ended, and what was much is free: a driver may take longer to clear it than a process to
        end."""
        for each in tuple(self._ending):
            each.exception()  # what went wrong at its end is nobody else's fault
            with suppress(ValueError):  # another thread waited, too
                self._ending.remove(each)
        expected, self._expected = self._expected, 0
        end = time.perf_counter() + _CLEARING_SECONDS
        while expected > 0 and self._free_bytes() < expected and time.perf_counter() < end:
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        self.drop()
        self._closer.shutdown()


def _forgets(worker: Worker) -> bool:
    """Whether it says so; it stands still then."""
    if worker.closed:
        return False
    try:
        worker.resume()
        reply = worker.request(Op.FORGET, _FORGET_SECONDS, NULL_MODEL)
        worker.pause()
        return reply.status is Status.READY
    except WorkerFailure:
        return False
