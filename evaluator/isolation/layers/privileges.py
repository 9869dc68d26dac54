"""No capabilities, nothing gained by exec, and limits of resources: on every Linux."""

from __future__ import annotations

import ctypes
import os
import resource
from contextlib import suppress
from pathlib import Path

from evaluator.isolation.layers import libc

_LAST_CAPABILITY = 63
_CAPSET = {"x86_64": 126, "aarch64": 91}
_VERSION_3 = 0x20080522


def limit(memory_bytes: int | None, file_bytes: int) -> None:
    """No core files, files of at most `file_bytes`; unless None, `memory_bytes` of address space beyond today's."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    _limit(resource.RLIMIT_CORE, 0)
    if memory_bytes is not None:
        address_space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, address_space + memory_bytes)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_MEMLOCK, 64 << 10)
    _limit(resource.RLIMIT_NOFILE, 1024)


def drop() -> None:
    """Gives up every capability for good. The verifier may still read this process's memory."""
    with suppress(OSError):
        libc.prctl(libc.PR_CAP_AMBIENT, libc.PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(_LAST_CAPABILITY + 1):
        with suppress(OSError):
            libc.prctl(libc.PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    libc.syscall("capset", _CAPSET[os.uname().machine], header, (ctypes.c_uint32 * 6)())
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    libc.prctl(libc.PR_SET_DUMPABLE, 1)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))
