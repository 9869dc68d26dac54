"""How much a worker wrote to the directories that it may write to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence


class Disk:
    """`limit` bytes in `directories`, beyond what is there now. Looks closely only when the disk's free space shrank by
    so much."""

    def __init__(self, directories: Sequence[str], limit: int) -> None:
        self._directories, self._limit = directories, limit
        self._free = self._free_bytes()
        self._before = written_bytes(directories) if directories else 0

    def excess(self) -> str:
        """What is over the limit, in words; empty when nothing is."""
        if not self._directories or self._free - self._free_bytes() < self._limit:
            return ""
        return self.final_excess()

    def final_excess(self) -> str:
        """The same, with a close look in any case."""
        written = written_bytes(self._directories) - self._before
        return (
            f"{written >> 20} MiB written, over the limit of {self._limit >> 20} MiB" if written > self._limit else ""
        )

    def _free_bytes(self) -> int:
        return min((shutil.disk_usage(path).free for path in self._directories), default=0)


def written_bytes(directories: Sequence[str]) -> int:
    """On the disk, symbolic links not followed; what vanishes meanwhile counts nothing."""
    total = 0
    for top in directories:
        for folder, _, files in os.walk(top):
            for name in files:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except OSError:
                    continue
    return total
