"""What a worker's own mount namespace shows: everything read-only, and private directories for what is temporary.

What the worker needs stays visible also where it lies below one of those directories.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from evaluator.isolation.layers import libc

_RDONLY, _NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_MOST_FILES = 1 << 14  # empty ones too: what they take of the kernel counts as nobody's memory
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def enter(visible: Iterable[str], writable: Sequence[str], private: Sequence[str], scratch_bytes: int) -> None:
    """Everything is read-only but: the directories `writable`; `private` ones, of which a copy in memory is written
    to; and the temporary ones, which are one and empty but for `visible` paths. `scratch_bytes` bounds what is in
    memory, each copy by itself. Needs `namespaces.enter_inner`."""
    opened = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in (*_hidden(visible), *writable, *private)}
    libc.mount("none", "/", flags=_REC | _PRIVATE)
    _set("/", _Attributes(set=_RDONLY), recursive=True)
    first, *others = [path for path in TEMPORARY if os.path.isdir(path)]
    _memory(first, scratch_bytes, 0o1777)
    for path in others:
        libc.mount(first, path, flags=_BIND)
    for path, fd in opened.items():
        _bind(fd, path)
    for path in writable:
        _set(path, _Attributes(clear=_RDONLY))
    for path in private:
        _memory(path, scratch_bytes, 0o755)
        with suppress(shutil.Error):  # of files that are no files
            shutil.copytree(f"/proc/self/fd/{opened[path]}", path, symlinks=True, dirs_exist_ok=True)
    for fd in opened.values():
        os.close(fd)
    with suppress(OSError):  # a container may forbid it; the old one shows nothing that Landlock does not hide
        libc.mount("proc", "/proc", "proc", _NOSUID | _NODEV)


def _memory(path: str, size: int, mode: int) -> None:
    libc.mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, f"size={size},nr_inodes={_MOST_FILES},mode={mode:o}")


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
