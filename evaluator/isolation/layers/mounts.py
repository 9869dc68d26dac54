"""What a worker's own mount namespace shows: everything read-only, and private directories for what is temporary.

What the worker needs stays visible also where it lies below one of those directories.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from evaluator.isolation.layers import libc

_RDONLY, _NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def enter(visible: Iterable[str], writable: Sequence[str], scratch_bytes: int) -> None:
    """`visible` are paths that exist; those of them in `writable` can be written. `scratch_bytes` bounds each private
    directory. Needs `namespaces.enter_inner`."""
    kept = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in _hidden(visible)}
    writing = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in writable}
    libc.mount("none", "/", flags=_REC | _PRIVATE)
    _set("/", _Attributes(set=_RDONLY), recursive=True)
    for path in TEMPORARY:
        if os.path.isdir(path):
            libc.mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, f"size={scratch_bytes},mode=1777")
    for path, fd in kept.items():
        _bind(fd, path)
    for path, fd in writing.items():
        _bind(fd, path)
        _set(path, _Attributes(clear=_RDONLY))
    for fd in (*kept.values(), *writing.values()):
        os.close(fd)
    with suppress(OSError):  # a container may forbid it; the old one shows nothing that Landlock does not hide
        libc.mount("proc", "/proc", "proc", _NOSUID | _NODEV)


def _hidden(visible: Iterable[str]) -> list[str]:
    """Those below a temporary directory, outermost only, or else one would hide the other."""
    chosen: list[str] = []
    for path in sorted(set(map(os.path.realpath, visible))):
        inside = any(Path(path).is_relative_to(each) for each in TEMPORARY)
        if inside and not any(Path(path).is_relative_to(each) for each in chosen):
            chosen.append(path)
    return chosen


def _bind(fd: int, path: str) -> None:
    source = f"/proc/self/fd/{fd}"
    if not os.path.lexists(path):
        if os.path.isdir(source):
            os.makedirs(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(path).touch()
    libc.mount(source, path, flags=_BIND | _REC)


def _set(path: str, attributes: _Attributes, recursive: bool = False) -> None:
    flags = _AT_RECURSIVE if recursive else 0
    name = ctypes.create_string_buffer(path.encode())
    size = ctypes.sizeof(attributes)
    libc.syscall("mount_setattr", _MOUNT_SETATTR, _AT_FDCWD, name, flags, attributes, size)
