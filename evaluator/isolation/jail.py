"""What a forked worker does to itself before it serves: descriptors, limits, and every layer, the strongest last."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from typing import Any

from evaluator.isolation import paths
from evaluator.isolation.accelerators import access_to
from evaluator.isolation.base import Stage
from evaluator.isolation.layers import landlock, libc, mounts, namespaces, privileges, seccomp
from evaluator.protocol.records import FIRST_NONCE, Status, pack_reply

CHANNEL = 3
_SCRATCH_BYTES = 256 << 20
_SHARED = "/dev/shm"


class Jail:
    """Made by the zygote, entered by its children."""

    def __init__(self, layers: frozenset[str]) -> None:
        self._layers = layers
        self._readable = paths.readable()
        self._scratches: dict[int, str] = {}

    def scratch(self) -> str | None:
        """A new directory for a worker without mounts of its own."""
        return None if "namespaces" in self._layers else tempfile.mkdtemp(prefix="egg-worker-")

    def keep(self, pid: int, scratch: str | None) -> None:
        if scratch is not None:
            self._scratches[pid] = scratch

    def clean(self, pid: int | None) -> None:
        """Removes the scratch directory of a dead worker; of all with None."""
        for each in list(self._scratches) if pid is None else [pid]:
            scratch = self._scratches.pop(each, None)
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)

    def enter_and_serve(self, request: dict[str, Any], fds: list[int], scratch: str | None) -> None:
        """Returns when the verifier goes away. A layer that fails is reported, and nothing is run then."""
        channel, stderr = fds[0], fds[1] if len(fds) > 1 else None
        try:
            _own_descriptors(channel, stderr)
            process = os.pidfd_open(os.getpid())
            listener = self._enter(request, scratch)
        except OSError as error:
            _announce(Status.RAISED, f"a worker cannot be contained: {error}", [])
            return
        _announce(Status.READY, "", [process] if listener is None else [process, listener])
        from evaluator.worker import serve

        serve(CHANNEL, request["device"])

    def _enter(self, request: dict[str, Any], scratch: str | None) -> int | None:
        build = request["stage"] == Stage.BUILD
        device = access_to(request["device"])
        readable, writable = [*self._readable, *request["readable"], *device.readable], list(request["writable"])
        if request["cpus"]:
            os.sched_setaffinity(0, request["cpus"])
        if request["niceness"] > os.getpriority(os.PRIO_PROCESS, 0):  # less would be refused
            os.setpriority(os.PRIO_PROCESS, 0, request["niceness"])
        if "namespaces" in self._layers:
            namespaces.enter_inner()
            mounts.enter(readable, writable, request["private"], _SCRATCH_BYTES)
            scratch = mounts.TEMPORARY[0]
            writable += [path for path in (*request["private"], *mounts.TEMPORARY) if os.path.isdir(path)]
            readable.append("/proc")
        _environment(request["environment"], scratch)
        privileges.limit(request["memory_bytes"] if device.bounded else None, request["file_bytes"])
        privileges.drop()
        if "landlock" in self._layers:
            readable += request["private"]
            execute = build or "seccomp" in self._layers  # which decides later what may be started
            landlock.enter(readable, [scratch, *writable, *paths.DEVICES, *device.writable], execute)
        os.chdir(scratch)
        if "seccomp" in self._layers:
            return seccomp.enter(build, device.sockets)
        return None


def _own_descriptors(channel: int, stderr: int | None) -> None:
    """An own session; no descriptor but 0 to 2 and the channel."""
    os.setsid()
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    null = os.open(os.devnull, os.O_RDWR)
    errors = null if stderr is None else stderr
    for source, target in ((null, 0), (errors, 1), (errors, 2), (channel, CHANNEL)):
        os.dup2(source, target)
    os.closerange(CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))


def _environment(wanted: dict[str, str], scratch: str) -> None:
    os.environ.update({"HOME": scratch, "TMPDIR": scratch, **wanted})
    tempfile.tempdir = None
    sys.path[:] = [path for path in sys.path if path]


def _announce(status: Status, text: str, descriptors: list[int]) -> None:
    """The record that the verifier waits for, with handles on the process and on its denied calls."""
    channel = socket.socket(fileno=CHANNEL)
    with suppress(OSError):
        socket.send_fds(channel, [pack_reply(FIRST_NONCE, status, text=text)], descriptors)
    channel.detach()
    for each in descriptors:
        os.close(each)
