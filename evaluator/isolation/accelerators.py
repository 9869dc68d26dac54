"""What a worker has to reach beyond its own memory so that a kind of device works for it."""

from __future__ import annotations

from dataclasses import dataclass
from glob import glob


@dataclass(frozen=True)
class Access:
    """Device files that are written to, and paths that are read. `bounded`: the address space may have a limit (a GPU's
    driver reserves more than any machine has)."""

    devices: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    bounded: bool = True


def access_to(device: str) -> Access:
    """What `device` ("cpu" or "cuda") needs on this machine."""
    if device == "cpu":
        return Access()
    readable = ("/proc/driver/nvidia", "/proc/devices", "/sys/bus/pci", "/sys/devices", "/sys/module", "/etc/nvidia")
    return Access(tuple(glob("/dev/nvidia*")), readable, bounded=False)
