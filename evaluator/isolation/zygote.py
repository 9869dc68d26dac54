"""The zygote: a clean, single-threaded process with torch imported that forks a worker on request.

Requests are JSON from the verifier (trusted); the answer is one number. When the verifier dies, the socket closes, the
zygote exits, and its workers die with it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import struct
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from evaluator.isolation import accelerators
from evaluator.isolation.jail import Jail
from evaluator.isolation.layers import libc, namespaces

ANSWER = struct.Struct("<q")
REQUEST_BYTES = 1 << 16


def boot(fd: int, layers: Collection[str]) -> None:
    """The process that the verifier starts. With namespaces it waits for the zygote proper, which is the first process
    of its own: when either ends, every worker does."""
    if "namespaces" in layers:
        namespaces.enter_outer()
        child = os.fork()
        if child:
            os.close(fd)
            os.waitpid(child, 0)
            os._exit(0)
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    _Zygote(socket.socket(fileno=fd), frozenset(layers)).serve()


class _Zygote:
    def __init__(self, control: socket.socket, layers: frozenset[str]) -> None:
        import evaluator.worker  # noqa: F401 (imports torch, which every worker then has)
        from evaluator.worker import ahead

        if accelerators.present():
            ahead.preload()
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)  # orphans of a worker come to us, and are killed
        self._control, self._layers = control, layers
        self._jail = Jail(layers)
        self._self = os.pidfd_open(os.getpid())
        self._live: set[int] = set()
        gc.collect()
        gc.freeze()  # the collector of a child does not touch, and so copy, the pages it shares with us
        self._control.send(ANSWER.pack(os.getpid()))

    def serve(self) -> None:
        while True:
            data, fds, _, _ = socket.recv_fds(self._control, REQUEST_BYTES, 2)
            if not data:
                self._jail.clean(None)
                os._exit(0)
            request = json.loads(data)
            if request["op"] == "reap":
                self._control.send(ANSWER.pack(self._reap(request["pid"], request["patience"])))
                continue
            if request["op"] == "sweep":
                self._kill_orphans()
                self._control.send(ANSWER.pack(0))
                continue
            self._control.send(ANSWER.pack(self._fork(request, fds)))
            for each in fds:
                os.close(each)

    def _fork(self, request: dict[str, Any], fds: list[int]) -> int:
        scratch = self._jail.scratch()
        pid = namespaces.fork_inside(self._self) if "namespaces" in self._layers else os.fork()
        if pid == 0:
            self._jail.enter_and_serve(request, fds, scratch)
            os._exit(0)
        self._jail.keep(pid, scratch)
        self._live.add(pid)
        return pid

    def _reap(self, pid: int, patience: float) -> int:
        """The wait status of worker `pid`, which is killed when it does not end in `patience` seconds by itself."""
        if pid not in self._live:
            return 0
        deadline = time.monotonic() + patience
        done, status = os.waitpid(pid, os.WNOHANG)
        while not done and time.monotonic() < deadline:
            time.sleep(0.002)
            done, status = os.waitpid(pid, os.WNOHANG)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if not done:
            os.kill(pid, signal.SIGKILL)  # it may not lead its group yet
            _, status = os.waitpid(pid, 0)
        self._live.discard(pid)
        self._kill_orphans()
        self._jail.clean(pid)
        if "namespaces" in self._layers and os.WIFEXITED(status) and os.WEXITSTATUS(status) > 128:
            return os.WEXITSTATUS(status) - 128  # the wait status of a process that this signal killed
        return status

    def _kill_orphans(self) -> None:
        """Kills every child of ours that we did not fork: what a dead worker left behind."""
        try:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        except OSError:  # a kernel without CONFIG_PROC_CHILDREN, or the old /proc of another process namespace
            return
        for pid in set(map(int, children)) - self._live:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
