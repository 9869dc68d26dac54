"""The zygote: a clean, single-threaded process with torch imported that forks a worker on request.

Requests are JSON from the verifier (trusted); the answer is one number. When the verifier dies, the socket closes, the
zygote exits, and its workers die with it.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ANSWER = struct.Struct("<q")
REQUEST_BYTES = 1 << 16
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def main(fd: int) -> None:
    from evaluator.worker import serve  # imports torch

    control = socket.socket(fileno=fd)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of a worker come to us, and are killed
    gc.collect()
    gc.freeze()  # the collector of a child does not touch, and so copy, the pages it shares with us
    live: set[int] = set()
    control.send(ANSWER.pack(os.getpid()))
    while True:
        data, fds, _, _ = socket.recv_fds(control, REQUEST_BYTES, 2)
        if not data:
            os._exit(0)
        request = json.loads(data)
        if request["op"] == "reap":
            answer = _reap(request["pid"], request["patience"], live)
        else:
            answer = os.fork()
            if answer == 0:
                control.close()
                _become_worker(request, fds)
                serve(3)
                os._exit(0)
            live.add(answer)
        for each in fds:
            os.close(each)
        control.send(ANSWER.pack(answer))


def _become_worker(request: dict[str, Any], fds: list[int]) -> None:
    """Own session, limits, environment; no descriptor but 0 to 2 and the channel at 3."""
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    stderr = fds[1] if len(fds) > 1 else null
    for source, target in ((null, 0), (stderr, 1), (stderr, 2), (fds[0], 3)):
        os.dup2(source, target)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    if request["cpus"]:
        os.sched_setaffinity(0, request["cpus"])
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    address_space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, address_space + request["memory_bytes"])
    _limit(resource.RLIMIT_FSIZE, request["file_bytes"])
    os.environ.update(request["environment"])


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))


def _reap(pid: int, patience: float, live: set[int]) -> int:
    """The wait status of worker `pid`, which is killed when it does not end in `patience` seconds by itself."""
    if pid not in live:
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
    live.discard(pid)
    _kill_orphans(live)
    return status


def _kill_orphans(live: set[int]) -> None:
    """Kills every child of ours that we did not fork: what a dead worker left behind."""
    try:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN
        return
    for pid in set(map(int, children)) - live:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
