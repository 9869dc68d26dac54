"""What a worker has to reach beyond its own memory so that a kind of device works for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from glob import glob

_READ = "/proc/self /proc/driver/nvidia /proc/devices /sys/bus/pci /sys/devices /sys/module /etc/nvidia"
_THREADS = "/proc/self/task"  # a GPU's driver names its threads there, and does not start when it cannot


@dataclass(frozen=True)
class Access:
    """Files that are written to, and paths that are read. `bounded`: the address space may have a limit (a GPU's driver
    reserves more than any machine has). `sockets`: it makes Unix-domain sockets (a GPU's driver does, to hand on
    descriptors)."""

    writable: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    bounded: bool = True
    sockets: bool = False


def present() -> bool:
    """Whether this machine has a GPU's driver."""
    return os.path.exists("/dev/nvidiactl")


def access_to(device: str) -> Access:
    """What `device` ("cpu" or "cuda") needs on this machine, to be asked in the worker itself."""
    if device == "cpu":
        return Access()
    return Access((*glob("/dev/nvidia*"), _THREADS), tuple(_READ.split()), bounded=False, sockets=True)
