"""What else the machine did during a timing: recorded, so that a strange number can be explained."""

from __future__ import annotations

import time
from pathlib import Path


class NoiseMeter:
    """`steal` is the share of CPU time that the hypervisor kept, `pressure` the share of wall time in which something
    runnable waited for a CPU. Missing where the kernel does not tell."""

    def __init__(self) -> None:
        self._before = (time.perf_counter(), _cpu_times(), _pressure())

    def read(self) -> dict[str, float]:
        wall, times, pressure = time.perf_counter() - self._before[0], _cpu_times(), _pressure()
        found: dict[str, float] = {}
        if times and self._before[1]:
            spent = [after - before for after, before in zip(times, self._before[1], strict=True)]
            found["steal"] = round(spent[7] / max(1, sum(spent[:8])), 4)
        if pressure is not None and self._before[2] is not None:
            found["pressure"] = round((pressure - self._before[2]) / 1e6 / max(wall, 1e-6), 4)
        return found


def _cpu_times() -> list[int]:
    try:
        return [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    except OSError:
        return []


def _pressure() -> int | None:
    try:
        return int(Path("/proc/pressure/cpu").read_text().split("total=")[1].split()[0])
    except (OSError, IndexError):
        return None
