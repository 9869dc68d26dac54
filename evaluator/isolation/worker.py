"""The verifier's handle on one worker: records, a watchdog, stop and go, and reading the worker's memory."""

from __future__ import annotations

import ctypes
import os
import secrets
import select
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import torch

from egg_search.core.verdict import Outcome
from evaluator.isolation.failure import WorkerFailure
from evaluator.protocol.records import (
    REPLY_BYTES,
    Command,
    Op,
    Output,
    ProtocolError,
    Reply,
    pack_command,
    unpack_reply,
)

if TYPE_CHECKING:
    from evaluator.isolation.base import Isolation

_SLICE_SECONDS = 0.05  # how often a waiting verifier looks after the worker
_PAGE = os.sysconf("SC_PAGE_SIZE")
_libc = ctypes.CDLL(None, use_errno=True)


class _IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Worker:
    """Every method but `close` raises WorkerFailure when the worker fails; it is dead afterwards."""

    def __init__(self, pid: int, channel: socket.socket, memory_bytes: int, isolation: Isolation) -> None:
        self.pid, self._channel, self._isolation = pid, channel, isolation
        self._memory_bytes = memory_bytes
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._closed = False

    def request(
        self, op: Op, timeout: float, model: int = 0, slot: int = 0, warm: int = 0, fds: list[int] = ()
    ) -> Reply:
        """Sends one command and waits at most `timeout` seconds for its reply."""
        command = Command(secrets.token_bytes(16), op, model, slot, warm)
        try:
            socket.send_fds(self._channel, [pack_command(command)], fds)
        except OSError:
            self._died()
        return self._receive(command.nonce, timeout)

    def timed(self, timeout: float) -> tuple[float, Reply]:
        """Sends GO; seconds until the reply was received, on the verifier's clock, and the reply."""
        command = Command(secrets.token_bytes(16), Op.GO)
        data, before = pack_command(command), time.perf_counter()
        try:
            self._channel.send(data)
        except OSError:
            self._died()
        raw = self._wait(timeout)
        seconds = time.perf_counter() - before
        return seconds, self._parse(raw, command.nonce)

    def pause(self) -> None:
        """Stops the worker and all its threads and children, so that nothing goes on behind the clock."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def read(self, output: Output) -> torch.Tensor:
        """A copy of an output's bytes out of the worker's memory, as a tensor of its shape and strides."""
        buffer = torch.empty(output.span, dtype=output.dtype)
        done, total = 0, buffer.numel() * buffer.element_size()
        while done < total:
            local = _IoVec(buffer.data_ptr() + done, total - done)
            remote = _IoVec(output.address + done, total - done)
            got = _libc.process_vm_readv(self.pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
            if got <= 0:
                error = os.strerror(ctypes.get_errno())
                self.fail(Outcome.PROTOCOL, f"an output's memory cannot be read: {error}")
            done += got
        return buffer.as_strided(output.shape, output.strides)

    def fail(self, outcome: Outcome, reason: str) -> NoReturn:
        """Kills the worker and raises WorkerFailure."""
        self.close()
        raise WorkerFailure(outcome, reason)

    def close(self, patience: float = 0.0) -> int:
        """Ends the worker and everything that it started; its wait status (0 when it was closed before)."""
        if self._closed:
            return 0
        self._closed = True
        if not patience:
            self._signal(signal.SIGKILL)
        self._channel.close()
        return self._isolation.reap(self, patience)

    def _receive(self, nonce: bytes, timeout: float) -> Reply:
        return self._parse(self._wait(timeout), nonce)

    def _parse(self, raw: bytes, nonce: bytes) -> Reply:
        try:
            return unpack_reply(raw, nonce)
        except ProtocolError as error:
            self.fail(Outcome.PROTOCOL, str(error))

    def _wait(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self.fail(Outcome.TIMED_OUT, f"no answer within {timeout:.3g} s")
            if self._poll.poll(min(remaining, _SLICE_SECONDS) * 1000):
                with suppress(OSError):
                    data = self._channel.recv(REPLY_BYTES + 1)
                    if data:
                        return data
                self._died()
            self._look_after()

    def _look_after(self) -> None:
        try:
            resident = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):
            resident = 0
        if resident == 0:  # a zombie whose channel somebody else still holds
            self._died()
        if resident > self._memory_bytes:
            self.fail(
                Outcome.OUT_OF_MEMORY,
                f"{resident >> 20} MiB of memory in use, over the limit of {self._memory_bytes >> 20} MiB",
            )

    def _died(self) -> NoReturn:
        status = self.close(patience=0.2)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGKILL:
                self.fail(Outcome.CRASHED, "the process was killed or closed its channel (SIGKILL)")
            self.fail(Outcome.CRASHED, f"the process died of {signal.Signals(number).name}")
        self.fail(Outcome.CRASHED, f"the process exited with status {os.waitstatus_to_exitcode(status)}")

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
