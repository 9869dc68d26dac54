"""One turn of a worker on a GPU, which the verifier sees from outside, by events of its own.

Kernels of two processes do not run at once, and a process has the device until it has nothing to run, or its time is
up. So the verifier holds the device while the worker launches, lets it go, and queues what comes back when the worker's
turn is over. A turn of somebody else's before that would show: to go there and back takes long, and all time between
the inputs were there and the hold is over is the hold's own, but for little.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from evaluator.device.cuda_hold import Hold

# Seconds. The device goes to the worker so soon after the hold at the earliest: what comes later waits until its turn
# ends. And a gap that is longer may hide a turn: switches there and back took 0.274 ms on an H200.
_SWITCH, _GAP = 60e-6, 200e-6
_TIMINGS = 5


class Turn:
    """Of the current device; summing up `cold` empties its cache. Methods in their order: `written`, `begin`, `follow`,
    `early`, `seconds`."""

    def __init__(self, cold: torch.Tensor) -> None:
        self._hold, self._cold = Hold(), cold.view(torch.int64)
        self._written, self._to, self._let_go, self._back = (torch.cuda.Event(enable_timing=True) for _ in range(4))
        timings = [self._unused() for _ in range(_TIMINGS)]
        # Seconds where nobody has a turn: until the hold begins, of emptying the cache, and of all that follows.
        self._late, self._flush, self.alone = (min(each) for each in zip(*timings, strict=True))
        self.bytes_per_second = cold.numel() / self._flush  # that are read

    def written(self) -> None:
        """After inputs were queued to be written."""
        self._written.record()

    def begin(self, seconds: float) -> None:
        """Once the inputs are there: however long they took, a process that has been at rest has a whole turn for the
        hold. Returns when that is under way."""
        self._written.synchronize()
        self._hold(seconds)
        self._to.record()
        self._cold.sum()
        self._let_go.record()

    def follow(self, copy: Callable[[], None]) -> None:
        """While the worker goes on: queues `copy` behind all that it launches during the hold."""
        while not self._let_go.query():
            pass
        begin = time.perf_counter()
        while time.perf_counter() - begin < _SWITCH:
            pass
        self._cold[:1].zero_()  # no copy begins in another one's turn
        try:
            copy()
        finally:
            self._back.record()

    def early(self) -> float:
        """Seconds in which another process may have had the device after the inputs were there and before it was held;
        0 where they are too few for that. All has run."""
        gap = self._until_held() - self._late
        return gap if gap > _GAP else 0.0

    def seconds(self) -> float:
        """From the end of the hold to that of the copy, switches included. 0 where another process may have had the
        device since the inputs were there and before it was let go. All has run."""
        between = self._between(self._to, self._let_go) - self._flush
        disturbed = self.early() or between > _GAP or self._hold.interrupted()
        return 0.0 if disturbed else self._between(self._let_go, self._back)

    def _unused(self) -> tuple[float, float, float]:
        """Seconds until the hold begins, that emptying the cache takes, and all that follows."""
        self.written()
        self.begin(_GAP)
        self.follow(lambda: None)
        torch.cuda.synchronize()
        return self._until_held(), self._between(self._to, self._let_go), self._between(self._let_go, self._back)

    def _until_held(self) -> float:
        """Seconds between the inputs were there and the hold began, or it ended and was seen to."""
        return self._between(self._written, self._to) - self._hold.lasted()

    @staticmethod
    def _between(first: torch.cuda.Event, second: torch.cuda.Event) -> float:
        return first.elapsed_time(second) / 1e3
