"""Starts contained workers: the verifier's side of the zygote."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from egg_search.core.errors import UserError
from evaluator.isolation.base import Limits
from evaluator.isolation.layers import detect_layers
from evaluator.isolation.worker import Worker
from evaluator.isolation.zygote import ANSWER

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 120.0
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); from evaluator.isolation.zygote import boot; "
    "boot(int(sys.argv[2]), sys.argv[3].split())"
)
_INHERITED = tuple(
    "PATH LANG LC_ALL LD_LIBRARY_PATH PYTHONPATH CXX VIRTUAL_ENV TZ CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER".split()
)
# Memory that was freed stays mapped, in every worker alike: a time then says nothing of page faults or of history.
_FIXED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's pool would start at import, and threads do not survive a fork
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
}


class Isolation:
    """Thread-safe. `layers` names what contains the workers beside processes, limits and lost privileges; default:
    everything that this machine has. The zygote starts with the first worker, and again when it was killed."""

    def __init__(self, threads: int, layers: Collection[str] | None = None) -> None:
        available = {layer.name for layer in detect_layers() if layer.available}
        self.layers = frozenset(available if layers is None else available & set(layers))
        self._environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        self._environment |= _FIXED | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start_early(self) -> None:
        """Starts the zygote before the first worker, which finds out again what is wrong with it."""
        with self._lock, suppress(UserError, OSError):
            self._ensure()

    def spawn(self, limits: Limits, environment: dict[str, str], stderr: int | None = None) -> Worker:
        """A new worker, contained and ready, its stdout and stderr discarded or, when given, written to `stderr`.

        Raises UserError when this machine refuses a layer that it seemed to have."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = {"op": "fork", "environment": environment, **asdict(limits)}
        fds = [theirs.fileno()] + ([stderr] if stderr is not None else [])
        with theirs, self._lock:
            self._ensure()
            try:
                number = self._ask(request, fds)
            except OSError:  # somebody killed the zygote
                self._stop()
                self._ensure()
                number = self._ask(request, fds)
        return Worker(ours, limits, "namespaces" in self.layers, partial(self.reap, number), self._sweep)

    def reap(self, number: int, patience: float = 0.0) -> int:
        """Waits `patience` seconds for a worker to end by itself, kills it and its descendants, and returns its wait
        status. `number` is the zygote's own for it."""
        with self._lock:
            try:
                return self._ask({"op": "reap", "pid": number, "patience": patience}, [])
            except OSError:  # the zygote is gone, and its workers with it
                self._stop()
                return 9

    def _sweep(self) -> None:
        with self._lock, suppress(OSError):
            self._ask({"op": "sweep"}, [])

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _ensure(self) -> None:
        if self._zygote is not None and self._zygote.poll() is None:
            return
        self._stop()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._zygote = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, str(_ROOT), str(theirs.fileno()), " ".join(self.layers)],
                pass_fds=[theirs.fileno()],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal is the driver's alone
            )
        self._control.settimeout(_START_SECONDS)
        try:
            if not self._control.recv(ANSWER.size):
                raise UserError("the evaluator's zygote process died at its start; see its message above")
        except BaseException:
            self._stop()  # else its answer would be taken for that to the first request
            raise

    def _ask(self, request: dict[str, object], fds: list[int]) -> int:
        if self._control is None:
            raise ConnectionError("there is no zygote")
        socket.send_fds(self._control, [json.dumps(request).encode()], fds)
        answer = self._control.recv(ANSWER.size)
        if not answer:
            raise ConnectionError("the zygote is gone")
        return ANSWER.unpack(answer)[0]

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()
        self._zygote = self._control = None


_shared: dict[tuple[int, frozenset[str] | None], Isolation] = {}
_shared_lock = threading.Lock()


def shared_isolation(threads: int | None = None, layers: frozenset[str] | None = None) -> Isolation:
    """One zygote a verifier process (for each number of threads; default: its CPUs). It ends with the process."""
    threads = threads or len(os.sched_getaffinity(0))
    with _shared_lock:
        if (threads, layers) not in _shared:
            _shared[threads, layers] = Isolation(threads, layers)
        return _shared[threads, layers]
