"""A machine-wide gate: builds share it, a timing session has it alone, so that no build disturbs a timing."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from egg_search.core.hardware import Hardware


def machine_gate() -> Path:
    """The gate that everything of this user on this machine goes through."""
    return Path(tempfile.gettempdir()) / f"egg-search-{os.getuid()}.gate"


def gate_for(hardware: Hardware, path: Path | None) -> Gate:
    """Builds do not disturb what a GPU does, and several GPUs of one machine measure at the same time."""
    return Gate(path if hardware.kind == "cpu" else None)


class Gate:
    """A lock on files `path` and `path.turn`; without a path it is always open. Works between processes and threads.

    Whoever waits holds the turnstile, so a stream of builds cannot starve a timing, nor the other way round.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        if self._path is None:
            yield
            return
        # A new open file description each time: flock locks belong to it, and closing it unlocks.
        with self._path.open("a") as lock:
            with self._path.with_name(self._path.name + ".turn").open("a") as turnstile:
                fcntl.flock(turnstile, fcntl.LOCK_EX)
                fcntl.flock(lock, kind)
            yield
