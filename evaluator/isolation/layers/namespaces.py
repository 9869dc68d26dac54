"""Linux namespaces without root: a worker has no network, sees no other process, and mounts what it likes to itself.

The zygote enters a user namespace and a process namespace of its own once; with the capabilities that it has there
it puts every worker into further ones. The first process of a process namespace takes all others with it when it ends.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NoReturn

from evaluator.isolation.layers import libc

_USER, _PID, _NET, _IPC, _UTS, _MOUNT = 0x10000000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x00020000


def enter_outer() -> None:
    """Own user and process namespaces; the caller's next child is the first process of the latter. Single-threaded
    processes only. User and group stay what they are."""
    uid, gid = os.getuid(), os.getgid()
    libc.unshare(_USER | _PID)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def fork_inside(own: int) -> int:
    """Forks into a new process namespace. `own` is a pidfd of the caller itself. The number returned is that of the
    new namespace's first process, which only waits: a first process is deaf to the signals of its own namespace. In
    the child that goes on 0 is returned; when it ends, the first process does, with its exit status or 128 and the
    number of the signal that killed it."""
    libc.unshare(_PID)
    first = os.fork()
    if first:
        libc.setns(own, _PID)
        return first
    child = os.fork()
    if child:
        _wait_for(child)
    return 0


def _wait_for(child: int) -> NoReturn:
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(libc.PR_SET_DUMPABLE, 0)
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    done, status = 0, 0
    while done != child:
        done, status = os.wait()  # orphans too
    os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else min(127, os.WEXITSTATUS(status)))


def enter_inner() -> None:
    """For a worker: nothing but an unconnected network, no shared memory of System V, its own host name and mounts."""
    libc.unshare(_NET | _IPC | _UTS | _MOUNT)
