"""One driver a run directory: an flock that dies with its process, and the pid of who holds it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import psutil

from egg_search.rundir.errors import RunDirectoryError

_PATIENCE_S = 0.5  # a driver that has just taken the lock writes its pid within it


class Lock:
    """Held from construction to `release`. Raises RunDirectoryError when a live driver holds it.

    A child that outlives a killed driver may still hold the inherited flock, so a lock whose owner is dead is
    replaced: the file is unlinked and locked anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = self._acquire()

    def _acquire(self) -> int:
        replaceable = time.monotonic() + _PATIENCE_S
        while True:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise RunDirectoryError(f"{self._path}: cannot be written: {error.strerror}") from None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = holder(self._path)
                os.close(descriptor)
                if owner is not None:
                    directory = self._path.parent
                    raise RunDirectoryError(
                        f"{directory}: in use by a live driver (pid {owner}); look with: egg status {directory}"
                    ) from None
                if time.monotonic() < replaceable:
                    time.sleep(0.02)
                else:
                    self._path.unlink(missing_ok=True)
                continue
            if self._is_current(descriptor):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()} {_started(os.getpid())}\n".encode())
                return descriptor
            os.close(descriptor)  # another driver replaced the file between open and flock

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.fstat(descriptor).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            return False

    def release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def holder(path: Path) -> int | None:
    """The pid of the live process that wrote the lock file, or None. Start times tell a reused pid apart."""
    try:
        pid, started = path.read_text().split()
        return int(pid) if _started(int(pid)) == started else None
    except (OSError, ValueError, psutil.Error):
        return None


def _started(pid: int) -> str:
    return f"{psutil.Process(pid).create_time():.2f}"
