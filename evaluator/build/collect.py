"""Takes what a build left in its own memory file system: files and directories, and nothing that points away."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from egg_search.core.verdict import Outcome
from evaluator.isolation.failure import WorkerFailure

_MOST_BYTES = 256 << 20  # holes and links count as files: in that memory they take nothing
_LONGEST = 512  # characters of a path inside the directory; what is deeper is left out


def collect(pid: int, directory: Path) -> None:
    """Copies `directory`, as process `pid` sees it, to where this process sees it. The process should be stopped.

    Links are left out and no link is followed, since a candidate made them. Raises OSError when the disk is full, and
    WorkerFailure when the files are larger than that memory is.
    """
    source = os.open(f"/proc/{pid}/root{directory}", os.O_RDONLY | os.O_DIRECTORY)
    left = _MOST_BYTES
    try:
        for folder, inside, files, opened in os.fwalk(".", dir_fd=source, follow_symlinks=False):
            if len(os.fsencode(folder)) > _LONGEST:
                inside.clear()
                continue
            target = directory / folder
            target.mkdir(parents=True, exist_ok=True)
            for name in files:
                left -= _copy(opened, name, target / name, left)
    finally:
        os.close(source)


def _copy(folder: int, name: str, target: Path, most: int) -> int:
    """Bytes that it took."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:  # a link, a socket, or gone
        return 0
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return 0
        if found.st_size > most:
            raise WorkerFailure(Outcome.BUILD_FAILED, f"the build left files of more than {_MOST_BYTES >> 20} MiB")
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))  # build tools compare times
        return found.st_size
