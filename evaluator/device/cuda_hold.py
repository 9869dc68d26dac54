"""Keeping a GPU for a while, in which a worker that goes on launches what it likes and nothing of it runs."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

# Seconds that the device is held for a call, for each further one of a row, and at most: less than a turn. And how much
# longer than a worker took to launch: it was not stopped before.
_HOLD, _HOLD_MORE, _LONGEST_HOLD, _SLOWER = 0.0004, 0.0001, 0.0015, 1.5
_LAUNCH = 75e-6  # that a worker takes at least to launch a call and the copy of what it returns, on a slow CPU
_LEAST_HERTZ, _TIMED_CYCLES, _TIMINGS = 2e9, 2_000_000, 3
_LEAP = tl.constexpr(2000)  # cycles that pass between two looks at the clock where nobody else had the device


class Hold:
    """Of the current device. Cycles count in which the kernel runs: while a process whose turn it is has the device,
    the clock goes on and the hold does not, so that nothing of a worker hides behind it, however short a turn is."""

    def __init__(self) -> None:
        self._ran = torch.zeros(1, dtype=torch.int64, device="cuda")
        self._run(1)  # compiled
        self._hertz = max(_LEAST_HERTZ, *(self._timed() for _ in range(_TIMINGS)))

    def __call__(self, seconds: float) -> None:
        """Launches it; the device does nothing else on this stream."""
        self._run(int(seconds * self._hertz))

    def _run(self, cycles: int) -> None:
        _hold[(1,)](self._ran, cycles, num_warps=1)

    def _timed(self) -> float:
        """The device's clock now. The highest counts: a hold is never shorter than its nominal seconds, which are taken
        off the time of a call."""
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        self._run(_TIMED_CYCLES)
        end.record()
        torch.cuda.synchronize()
        return _TIMED_CYCLES / start.elapsed_time(end) * 1e3


def hold_seconds(calls: int, launch: float = 0.0) -> float:
    """For so many calls that each take `launch` seconds to launch, as the worker says."""
    least = _HOLD + (calls - 1) * _HOLD_MORE
    return min(max(least, _SLOWER * calls * launch), _LONGEST_HOLD)


def held_calls(launch: float) -> int:
    """How many calls are launched while the device is held. What runs while others are still being launched hides
    behind that, and the wall clock does not see it."""
    return max(1, int(_LONGEST_HOLD / max(_SLOWER * launch, _LAUNCH)))


@triton.jit
def _clock():
    return tl.inline_asm_elementwise("mov.u64 $0, %clock64;", "=l", [], dtype=tl.int64, is_pure=False, pack=1)


@triton.jit(do_not_specialize=["cycles"])
def _hold(ran_to, cycles):
    last = _clock()
    ran = last - last
    while ran < cycles:
        now = _clock()
        ran += tl.maximum(0, tl.minimum(now - last, _LEAP))  # another processor's clock may be behind
        last = now
    tl.store(ran_to, ran)
