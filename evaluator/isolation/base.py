"""What a worker may use, and in which stage it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Niceness of what builds for a GPU: that goes on beside measurements, whose workers are not to wait for a CPU to launch
# a kernel.
MAKES_WAY = 10


class Stage(StrEnum):
    """BUILD may start compilers and write to its output; RUN may start compilers until it is locked."""

    BUILD = "build"
    RUN = "run"


@dataclass(frozen=True)
class Limits:
    """What one worker may use. `memory_bytes` bounds resident memory, of its processes together, and, on top of what
    it starts with, each one's address space; `file_bytes` the size of any file it writes.

    `readable` and `writable` are directories beyond the interpreter, its libraries and a private scratch directory;
    of `private` ones the worker has a writable copy where namespaces allow, else it may read them. `written_bytes`
    bounds what it may leave in the writable ones. `device` ("cpu" or "cuda") is what it computes on; for a GPU's
    driver there is no bound on the address space. `niceness` is that of a process which makes way for others.
    """

    memory_bytes: int
    file_bytes: int
    cpus: tuple[int, ...] = ()  # empty: those of the verifier
    stage: Stage = Stage.RUN
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    written_bytes: int = 512 << 20
    device: str = "cpu"
    niceness: int = 0
