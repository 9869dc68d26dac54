"""Whether others use the GPU that this process is about to measure on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from egg_search.core.hardware import Hardware

_ASK_SECONDS = 30
_TRIES, _PAUSE_SECONDS = 3, 1.0  # what a process held that has just ended is given back within that
_HELD_BYTES, _BUSY = 1 << 30, 25  # idle desktops and daemons stay below


@dataclass(frozen=True)
class Use:
    """Of a GPU, by all processes there are: bytes held, percent of the time busy. `number` is the driver's."""

    number: int
    held_bytes: int
    busy: int

    @property
    def disturbs(self) -> bool:
        return self.held_bytes > _HELD_BYTES or self.busy > _BUSY


def used_by_others(hardware: Hardware) -> str | None:
    """What a user should know when somebody else is at this process's first GPU; None when nobody is, or nobody can
    tell. To be asked before this process, or one that works for it, uses the GPU."""
    if hardware.kind != "cuda":
        return None
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        use = _ask()
        if use is None or not use.disturbs:
            return None
    return f"GPU {use.number} is used by others ({use.held_bytes >> 20} MiB held, {use.busy} % busy): timings are rough"


def _ask() -> Use | None:
    """In a process of its own, as `hardware.ask_driver` does."""
    script = Path(__file__).with_name("ask_nvml.py")
    try:
        done = subprocess.run([sys.executable, "-P", str(script)], capture_output=True, text=True, timeout=_ASK_SECONDS)
        return None if done.returncode else Use(**json.loads(done.stdout))
    except (subprocess.TimeoutExpired, ValueError):
        return None
