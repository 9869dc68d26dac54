"""What a worker uses, read off /proc by the verifier: memory, threads, and whose time it is that passes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_THREADS = 256 + 16 * (os.cpu_count() or 1)
_QUIET_SECONDS = 0.4  # a compiler that used no CPU for so long is not at work
_STOPPED = frozenset("TtZX")


class Watch:
    """Of the worker `pid` (the verifier's number for it) and its descendants. What is gone counts as nothing."""

    def __init__(self, pid: int) -> None:
        self._pid, self._root = pid, Path(f"/proc/{pid}")
        self._last, self._helpers, self._helped = time.monotonic(), self._helper_ticks(), -_QUIET_SECONDS
        self._delayed = self._delay()
        self.delayed_seconds = 0.0  # in which the worker's main thread waited for a CPU that others used
        self.own_seconds = 0.0  # in which neither it waited nor any descendant did anything

    def excess(self, memory_bytes: int) -> str:
        """What is over a limit, in words; empty when nothing is."""
        processes = [self._pid, *_descendants(self._pid)]
        resident = sum(map(_resident, processes))
        if resident > memory_bytes and len(processes) > 1:  # forked processes share pages: look closer
            resident = sum(map(_proportional, processes))
        resident += sum(map(_in_files, processes))
        if resident > memory_bytes:
            return f"{resident >> 20} MiB of memory in use, over the limit of {memory_bytes >> 20} MiB"
        threads = len(_threads(self._pid))
        return f"{threads} threads, over the limit of {_MOST_THREADS}" if threads > _MOST_THREADS else ""

    def look(self) -> None:
        """Call often: what happened since the last look is added to the seconds."""
        now, helpers, delayed = time.monotonic(), self._helper_ticks(), self._delay()
        if helpers != self._helpers:
            self._helped = now
        elif now - self._helped >= _QUIET_SECONDS:
            self.own_seconds += max(0.0, now - self._last - (delayed - self._delayed))
        self.delayed_seconds += delayed - self._delayed
        self._last, self._helpers, self._delayed = now, helpers, delayed

    def _delay(self) -> float:
        try:
            return int((self._root / "schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0

    def _helper_ticks(self) -> int:
        return sum(_ticks(pid) for pid in _descendants(self._pid))


def stopped(pid: int) -> bool:
    """Whether no thread of process `pid` runs any more."""
    return all(_state(f"{pid}/task/{thread}") in _STOPPED for thread in _threads(pid))


def parent(pid: int) -> int:
    """The process that `pid` is a child of; 0 when it is gone."""
    return int(next(iter(_fields(f"{pid}")[1:]), 0))


def kill_descendants(pid: int, spare: int) -> None:
    """Kills what `pid` and its children started, but not `spare`."""
    while pid and (found := [each for each in _descendants(pid) if each != spare and not _ended(each)]):
        for each in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(each, signal.SIGKILL)


def _descendants(pid: int) -> Iterator[int]:
    for thread in _threads(pid):
        try:
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _descendants(child)


def _ended(pid: int) -> bool:
    return _state(f"{pid}") in "ZX"


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _fields(process: str) -> list[str]:
    """Of a stat file, from the state on: the name before it may contain anything."""
    try:
        with open(f"/proc/{process}/stat", "rb", buffering=0) as file:  # read very often
            return file.read(4096).rpartition(b")")[2].decode().split()
    except OSError:
        return []


def _state(process: str) -> str:
    return next(iter(_fields(process)), "X")


def _ticks(pid: int) -> int:
    """CPU time of a process and of its children that ended, in clock ticks."""
    return sum(map(int, _fields(f"{pid}")[11:15]))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Resident bytes, with shared pages divided among those who share them."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.partition("Pss:")[2].split()[0]) << 10
    except (OSError, IndexError):
        return 0


def mapped_file(pid: int, address: int) -> int:
    """The inode of what a process has mapped at `address`; 0 where that is no file."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/maps", "rb") as maps:
        for line in maps:
            begin, _, rest = line.partition(b"-")
            if int(begin, 16) <= address < int(rest.partition(b" ")[0], 16):
                return int(line.split()[4])
    return 0


def _in_files(pid: int) -> int:
    """Bytes of memory in the memory files that a process holds, mapped or not."""
    total = 0
    try:
        for each in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                if os.readlink(each.path).startswith("/memfd:"):
                    total += os.stat(each.path).st_blocks * 512
    except OSError:
        pass
    return total
