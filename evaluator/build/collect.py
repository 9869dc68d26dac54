"""Takes what a build left in its own memory file system: files and directories, and nothing that points away."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def collect(pid: int, directory: Path) -> None:
    """Copies `directory`, as process `pid` sees it, to where this process sees it. The process should be stopped.

    Links are left out and no link is followed, since a candidate made them. Raises OSError when the disk is full.
    """
    source = os.open(f"/proc/{pid}/root{directory}", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder, _, files, opened in os.fwalk(".", dir_fd=source, follow_symlinks=False):
            target = directory / folder
            target.mkdir(parents=True, exist_ok=True)
            for name in files:
                _copy(opened, name, target / name)
    finally:
        os.close(source)


def _copy(folder: int, name: str, target: Path) -> None:
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:  # a link, a socket, or gone
        return
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))  # build tools compare times
