"""Landlock: which paths a worker may read, execute and write. Source: the kernel's userspace-api/landlock.rst."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress

from evaluator.isolation.layers import libc

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_READ = _READ_FILE | _READ_DIR
_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15  # rights that a rule on a file may have
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # from this version on
_SPECIAL = 1 << 6 | 1 << 9 | 1 << 11  # making of devices and sockets: nobody needs it
_TCP, _SCOPES = 0b11, 0b11  # versions 4 and 6: no bind and connect; no signals and abstract sockets to the outside


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("fd", ctypes.c_int32)]


def version() -> int:
    """Raises OSError where the kernel has none."""
    return libc.syscall("landlock", _CREATE, None, 0, _VERSION_FLAG)


def enter(readable: Iterable[str], writable: Iterable[str], execute: bool) -> None:
    """From here on this thread and its descendants reach only these paths and what lies below them; paths that do not
    exist are left out. `execute` permits to execute what is readable. Needs no_new_privs."""
    abi = version()
    every = max((least, rights) for least, rights in _RIGHTS.items() if least <= abi)[1]
    rules = _Ruleset(every, _TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = libc.syscall("landlock", _CREATE, rules, size, 0)
    read = _READ | (_EXECUTE if execute else 0)
    write = (every & ~_SPECIAL) if execute else every & ~_SPECIAL & ~_EXECUTE
    for paths, rights in ((readable, read), (writable, write)):
        for path in paths:
            with suppress(FileNotFoundError, NotADirectoryError):
                _allow(ruleset, path, rights & every)
    libc.syscall("landlock", _RESTRICT, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= _FILE
        libc.syscall(f"landlock {path}", _ADD_RULE, ruleset, _PATH_BENEATH, _Beneath(rights, fd), 0)
    finally:
        os.close(fd)
