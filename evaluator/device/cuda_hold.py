"""Keeping a GPU for a while, in which a worker that goes on launches what it likes and nothing of it runs."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

# Seconds that the device is held for, at the least and at most: less than a turn. In between: what a worker takes to
# wake, to launch the copies of its outputs, and longer than it took to launch a call: it was not stopped before.
_HOLD, _LONGEST_HOLD, _AROUND, _SLOWER = 0.001, 0.0018, 0.0008, 1.5
_LEAST_HERTZ, _TIMED_CYCLES, _TIMINGS = 2e9, 2_000_000, 3
_LEAP = tl.constexpr(2000)  # cycles that pass between two looks at the clock where nobody else had the device
_LOST_CYCLES = 20_000  # that passed without it: another process had a turn, whose switches alone take longer


class Hold:
    """Of the current device. Cycles count in which the kernel runs: while a process whose turn it is has the device,
    the clock goes on and the hold does not, so that nothing of a worker hides behind it, however short a turn is."""

    def __init__(self) -> None:
        self._told = torch.zeros(3, dtype=torch.int64, device="cuda")  # cycles run and passed, nanoseconds passed
        self._run(1)  # compiled
        self._hertz = max(_LEAST_HERTZ, *(self._timed() for _ in range(_TIMINGS)))

    def __call__(self, seconds: float) -> None:
        """Launches it; the device does nothing else on this stream."""
        self._run(int(seconds * self._hertz))

    def interrupted(self) -> bool:
        """Whether another process had the device before the last one ended."""
        ran, passed, _ = self._told.tolist()
        return passed - ran > _LOST_CYCLES

    def lasted(self) -> float:
        """Seconds between the first and the last instruction of the last one."""
        return self._told[2].item() / 1e9

    def _run(self, cycles: int) -> None:
        _hold[(1,)](self._told, cycles, num_warps=1)

    def _timed(self) -> float:
        """The device's clock now. The highest counts: a hold is never shorter than its nominal seconds, which are taken
        off the time of a call."""
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        self._run(_TIMED_CYCLES)
        end.record()
        torch.cuda.synchronize()
        return _TIMED_CYCLES / start.elapsed_time(end) * 1e3


def hold_seconds(launch: float = 0.0) -> float:
    """For a call that takes `launch` seconds to launch, as the worker says."""
    return min(max(_HOLD, _needed(launch)), _LONGEST_HOLD)


def covers(launch: float) -> bool:
    """Whether a worker has launched all before the hold is over. Else its turn begins without it, and ends at once."""
    return _needed(launch) <= _LONGEST_HOLD


def _needed(launch: float) -> float:
    return _AROUND + _SLOWER * launch


@triton.jit
def _clock():
    return tl.inline_asm_elementwise("mov.u64 $0, %clock64;", "=l", [], dtype=tl.int64, is_pure=False, pack=1)


@triton.jit
def _nanoseconds():
    return tl.inline_asm_elementwise("mov.u64 $0, %globaltimer;", "=l", [], dtype=tl.int64, is_pure=False, pack=1)


@triton.jit(do_not_specialize=["cycles"])
def _hold(told, cycles):
    begin = _nanoseconds()
    first = _clock()
    last, ran = first, first - first
    while ran < cycles:
        now = _clock()
        ran += tl.maximum(0, tl.minimum(now - last, _LEAP))  # another processor's clock may be behind
        last = now
    tl.store(told, ran)
    tl.store(told + 1, last - first)
    tl.store(told + 2, _nanoseconds() - begin)
