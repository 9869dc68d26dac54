"""The seam between the verifier and whatever contains a candidate's process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evaluator.isolation.worker import Worker


@dataclass(frozen=True)
class Limits:
    """What one worker may use. `memory_bytes` bounds resident memory and, on top of what it starts with, its address
    space; `file_bytes` the size of any file it writes (0: it may write none)."""

    memory_bytes: int
    file_bytes: int
    cpus: tuple[int, ...] = ()  # empty: those of the verifier


class Isolation(Protocol):
    """Starts workers. Thread-safe. `layers` names what contains them, for `egg doctor` and a run's record."""

    layers: tuple[str, ...]

    def spawn(self, limits: Limits, environment: dict[str, str], stderr: int | None = None) -> Worker:
        """A new worker in its own session, its stdout and stderr discarded or, when given, written to `stderr`."""
        ...

    def reap(self, worker: Worker, patience: float = 0.0) -> int:
        """Waits `patience` seconds for the worker to end by itself, kills it and its descendants, and returns its
        wait status."""
        ...

    def close(self) -> None: ...
