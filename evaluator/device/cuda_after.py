"""What becomes of workers when they have judged: they end while the next ones begin, or one waits to judge again.

A GPU's context takes a quarter of a second to make, on one GPU of a machine after the other, and a twentieth to go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.worker import Worker
from evaluator.protocol.records import Op, Status
from evaluator.worker.models import NULL_MODEL

_FORGET_SECONDS = 5.0


@dataclass(frozen=True)
class Tenant:
    """A worker, and what it is for: whatever has the same `key` may use it after another. `seen`: see `Seat`."""

    worker: Worker
    key: Hashable
    seen: set[int] = field(default_factory=set)


class After:
    """Thread-safe, but for what is kept. What ended workers held of the device is free once `wait` has returned."""

    def __init__(self) -> None:
        self._closer = ThreadPoolExecutor(1, thread_name_prefix="leaving")
        self._ending: deque[Future[int]] = deque()
        self._kept: Tenant | None = None

    def leave(self, tenant: Tenant, keep: bool = False) -> None:
        """It has judged. With `keep` it waits for another configuration, if it lets go of what it was given."""
        self.drop()
        if keep and _forgets(tenant.worker):
            self._kept = tenant
        else:
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
        """Until all have ended."""
        for each in tuple(self._ending):
            each.exception()  # what went wrong at its end is nobody else's fault
            with suppress(ValueError):  # another thread waited, too
                self._ending.remove(each)

    def close(self) -> None:
        self.drop()
        self._closer.shutdown()


def _forgets(worker: Worker) -> bool:
    """Whether it says so; it stands still then."""
    try:
        worker.resume()
        reply = worker.request(Op.FORGET, _FORGET_SECONDS, NULL_MODEL)
        worker.pause()
        return reply.status is Status.READY
    except WorkerFailure:
        return False
