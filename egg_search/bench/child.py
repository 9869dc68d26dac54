"""The parent's handle on a worker process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType

from egg_search.bench.places import Place
from egg_search.bench.suite import Suite
from egg_search.bench.worker import Told

_MAIN = "from egg_search.bench.worker import main; main()"
_FAREWELL_SECONDS = 30.0  # Ray ends


class Child:
    """Works on `suite`, one problem at a time, at `place`, on the CPUs of the thread that makes it. What it prints is
    added to the file `log`."""

    def __init__(self, suite: Suite, place: Place, log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._connection, theirs = Pipe()
        with theirs, log.open("a") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _MAIN],
                stdin=theirs.fileno(),
                stdout=stream,
                stderr=stream,
                env=place.environment(),
                start_new_session=True,  # Ctrl-C in a terminal is the parent's, which passes it on
            )
        with suppress(OSError):  # it is dead already: `search` will tell
            self._connection.send(suite)

    def search(self, name: str) -> Told | None:
        """Waits for it; None when it died. Called by one thread at a time."""
        try:
            self._connection.send(name)
            return self._connection.recv()
        except (EOFError, OSError):
            return None

    def interrupt(self) -> None:
        """Ctrl-C, from any thread."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()

    @property
    def exit_code(self) -> int:
        """Of one that died; waits for the end."""
        return self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Hangs up, and waits until it has ended."""
        self._connection.close()
        try:
            self._process.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
