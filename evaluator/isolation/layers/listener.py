"""The verifier's end of seccomp: decides on what a worker may not do by itself, and remembers what it was denied."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from evaluator.isolation.layers.seccomp import DANGEROUS
from evaluator.isolation.layers.syscalls import name_of, numbers

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE = struct.Struct("<QIIiIQ6Q")  # id, thread, flags; number, architecture, instruction, arguments
_ANSWER = struct.Struct("<QqiI")  # id, value, error, flags
_CONTINUE = 1
MOST_STARTED, MOST_COPIES = 2000, 64  # processes, and those among them that run no other program

_MOST_NAMES = 8


class Listener:
    """Poll `fd`; `serve` when it is readable. While it is `locked` every call is denied; before, compilers may be
    started. `alone`: no process of anybody else can be seen, so that signals do no harm.

    `denied` are the names of the first calls that were, in the order of their first attempt.
    """

    def __init__(self, fd: int, alone: bool) -> None:
        self.fd, self.locked = fd, False
        self._starts = frozenset(numbers("clone fork vfork").values())
        self._programs = frozenset(numbers("execve execveat").values())
        signals = "" if alone else " kill tkill tgkill"
        self._dangerous = frozenset(numbers(DANGEROUS + signals).values())
        self.denied: list[str] = []
        self.started = self._loaded = 0

    @property
    def bombed(self) -> bool:
        """More processes than any honest build starts."""
        return self.started > MOST_STARTED or self.started - self._loaded > MOST_COPIES

    def serve(self) -> None:
        """Answers one call. A worker that is gone by now is no error."""
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self.fd, _RECEIVE, notice)
            identity, _, _, number, *_ = _NOTICE.unpack(notice)
            fcntl.ioctl(self.fd, _SEND, _ANSWER.pack(identity, 0, *self._decide(number)))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINTR, errno.EINPROGRESS):
                raise

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _decide(self, number: int) -> tuple[int, int]:
        """(error, flags) of the answer."""
        if not self.locked and number not in self._dangerous:
            self._loaded += number in self._programs
            self.started += number in self._starts
            return (0, _CONTINUE) if not self.bombed else (-errno.EAGAIN, 0)
        name = name_of(number)
        if name not in self.denied and len(self.denied) < _MOST_NAMES:
            self.denied.append(name)
        return -errno.EPERM, 0
