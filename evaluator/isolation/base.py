"""What a worker may use, and in which stage it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """BUILD may start compilers and write to its output; RUN may do neither."""

    BUILD = "build"
    RUN = "run"


@dataclass(frozen=True)
class Limits:
    """What one worker may use. `memory_bytes` bounds resident memory, of its processes together, and, on top of what
    it starts with, each one's address space; `file_bytes` the size of any file it writes.

    `readable` and `writable` are directories beyond the interpreter, its libraries and a private scratch directory.
    """

    memory_bytes: int
    file_bytes: int
    cpus: tuple[int, ...] = ()  # empty: those of the verifier
    stage: Stage = Stage.RUN
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
