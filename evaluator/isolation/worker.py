"""The verifier's handle on one worker: records, a watchdog, stop and go, and reading the worker's memory."""

from __future__ import annotations

import ctypes
import os
import secrets
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import torch

from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome
from evaluator.isolation.base import Limits, Stage
from evaluator.isolation.disk import Disk
from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.layers.listener import Listener
from evaluator.isolation.watch import Watch, kill_descendants, mapped_file, parent, stopped
from evaluator.protocol.records import (
    FIRST_NONCE,
    REPLY_BYTES,
    Command,
    Op,
    Output,
    ProtocolError,
    Reply,
    Status,
    pack_command,
    unpack_reply,
)

_SLICE_SECONDS = 0.05  # how often a waiting verifier looks after the worker
_START_SECONDS = 20.0
_STOP_SECONDS = 2.0
_STOPPING_SECONDS = 0.0003  # what stopping takes at most where nothing is going on
_EAGER_SECONDS = 0.005
_PATIENCE = 4  # a worker that others keep from the CPU gets at most this many times its time
_libc = ctypes.CDLL(None, use_errno=True)


class _IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Worker:
    """Every method but `close` raises WorkerFailure when the worker fails; it is dead afterwards.

    `reap` ends the worker within so many seconds and gives its wait status; `sweep` kills what workers that ended or
    gave up their children left behind. `alone`: the worker sees no processes but its own.
    """

    def __init__(
        self,
        channel: socket.socket,
        limits: Limits,
        alone: bool,
        reap: Callable[[float], int],
        sweep: Callable[[], None],
    ) -> None:
        self._channel, self.limits, self._alone, self._reap, self._sweep = channel, limits, alone, reap, sweep
        self._closed = False
        self._process = -1
        self._listener: Listener | None = None
        handles = self._await_start()
        self._process = handles[0]  # a pidfd: unlike a number it never means another process
        self.pid = _pid_of(self._process)
        self.disk = Disk(limits.writable, limits.written_bytes)
        if len(handles) > 1:
            self._listener = Listener(handles[1], alone)
        self._poll = select.poll()
        for fd in (channel.fileno(), *handles):
            self._poll.register(fd, select.POLLIN)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def denied(self) -> list[str]:
        """System calls that it attempted and was denied, by name."""
        return self._listener.denied if self._listener else []

    def request(
        self,
        op: Op,
        timeout: float,
        model: int = 0,
        slot: int = 0,
        warm: int = 0,
        fds: list[int] = (),
        own_seconds: float | None = None,
    ) -> Reply:
        """Sends one command and waits at most `timeout` seconds for its reply; `own_seconds` bounds the part of it in
        which no process that the worker started is busy."""
        command = Command(secrets.token_bytes(16), op, model, slot, warm)
        try:
            socket.send_fds(self._channel, [pack_command(command)], fds)
        except OSError:
            self._died()
        return self._parse(self._wait(timeout, own_seconds), command.nonce)

    def timed(self, timeout: float, own_seconds: float | None = None) -> tuple[float, Reply]:
        """Lets a stopped worker do GO and stops it again; seconds on the verifier's clock, and the reply.

        The clock starts before the first thread can run and ends when the last one has been told to stop.
        """
        command = Command(secrets.token_bytes(16), Op.GO)
        data, before = pack_command(command), time.perf_counter()
        raw = self._go(data, timeout, own_seconds)
        self._signal(signal.SIGSTOP)
        told = time.perf_counter()
        self._await_stop()
        late = time.perf_counter() - told - _STOPPING_SECONDS  # a copy that the kernel makes for a thread goes on
        return told - before + max(0.0, late), self._parse(raw, command.nonce)

    def go(
        self, timeout: float, own_seconds: float | None = None, meanwhile: Callable[[], None] | None = None
    ) -> Reply:
        """Lets a stopped worker do GO, and leaves it running: for a device whose clock does not end with the reply, and
        which leaves a core to look for it without a rest. `meanwhile` is done before that."""
        command = Command(secrets.token_bytes(16), Op.GO)
        raw = self._go(pack_command(command), timeout, own_seconds, _EAGER_SECONDS, meanwhile)
        return self._parse(raw, command.nonce)

    def pause(self) -> None:
        """Stops all threads of the worker, so that nothing goes on behind the clock; returns when they have."""
        self._signal(signal.SIGSTOP)
        self._await_stop()

    def lock(self) -> None:
        """For a worker that is paused: from here on it starts nothing, and what it started is killed. (It could start
        nothing meanwhile either: the verifier, who decides on that, is here.)"""
        if self.limits.stage is Stage.BUILD:
            return
        if self._listener is not None:
            self._listener.locked = True
        kill_descendants(parent(self.pid) if self._alone else self.pid, spare=self.pid)
        if not self._alone:
            self._sweep()

    def unlock(self) -> None:
        """It may start compilers again."""
        if self._listener is not None:
            self._listener.locked = False

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def read_all(self, outputs: Sequence[Output]) -> list[torch.Tensor]:
        """Copies of outputs. Together they are no more than its memory holds: many may lie in one place there, and
        would not here."""
        size = sum(output.span * output.dtype.itemsize for output in outputs)
        if size > self.limits.memory_bytes:
            self.fail(Outcome.PROTOCOL, f"{len(outputs)} outputs of {size >> 20} MiB, more than the worker's memory")
        return [self._read(output) for output in outputs]

    def lies_in(self, output: Output, fd: int) -> bool:
        """Whether an output is in its mapping of the memory file `fd`."""
        return mapped_file(self.pid, output.address) == os.fstat(fd).st_ino

    def _read(self, output: Output) -> torch.Tensor:
        """A copy of an output's bytes out of the worker's memory, as a tensor of its shape and strides."""
        buffer = torch.empty(output.span, dtype=output.dtype)
        done, total = 0, buffer.numel() * buffer.element_size()
        while done < total:
            local = _IoVec(buffer.data_ptr() + done, total - done)
            remote = _IoVec(output.address + done, total - done)
            got = _libc.process_vm_readv(self.pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
            if got <= 0:
                error = os.strerror(ctypes.get_errno())
                if select.select([self._process], [], [], 0)[0]:
                    self._died()
                self.fail(Outcome.PROTOCOL, f"an output's memory cannot be read: {error}")
            done += got
        return buffer.as_strided(output.shape, output.strides)

    def fail(self, outcome: Outcome, reason: str) -> NoReturn:
        """Kills the worker and raises WorkerFailure."""
        self.close()
        raise WorkerFailure(outcome, reason)

    def kill(self) -> None:
        """It does nothing more; `close` is still to be called, and waits for its end."""
        if not self._closed:
            self._signal(signal.SIGKILL)

    def close(self, patience: float = 0.0) -> int:
        """Ends the worker and everything that it started; its wait status (0 when it was closed before)."""
        if self._closed:
            return 0
        self._closed = True
        if not patience:
            self._signal(signal.SIGKILL)
        self._channel.close()
        status = self._reap(patience)
        if self._process >= 0:
            os.close(self._process)
            self._process = -1  # the number may soon be another process's
        if self._listener is not None:
            self._listener.close()
        return status

    def _await_start(self) -> list[int]:
        """The first record says that the worker is contained; no candidate's code has run by then. The descriptors
        that came along: the process, and the listener for denied calls where there is one."""
        self._channel.settimeout(_START_SECONDS)
        try:
            data, fds, _, _ = socket.recv_fds(self._channel, REPLY_BYTES, 2)
        except OSError:
            data, fds = b"", []
        self._channel.settimeout(None)
        if not data:
            self._died()
        reply = self._parse(data, FIRST_NONCE)
        if reply.status is not Status.READY or not fds:
            self.close()
            raise UserError(reply.text)
        return fds

    def _parse(self, raw: bytes, nonce: bytes) -> Reply:
        try:
            return unpack_reply(raw, nonce)
        except ProtocolError as error:
            self.fail(Outcome.PROTOCOL, str(error))

    def _wait(self, timeout: float, own_seconds: float | None = None) -> bytes:
        begin, guard = time.monotonic(), None
        while True:
            spent = time.monotonic() - begin
            if guard is not None:
                guard.check(spent)
            slice_seconds = min(max(timeout - spent, 0.01), _SLICE_SECONDS)
            ready = {fd for fd, _ in self._poll.poll(slice_seconds * 1000)}
            if self._channel.fileno() in ready:
                with suppress(OSError):
                    data = self._channel.recv(REPLY_BYTES + 1)
                    if data:
                        return data
                self._died()
            if self._process in ready:
                self._died()
            if self._listener is not None and self._listener.fd in ready:
                self._serve_listener()
            if guard is None and time.monotonic() - begin >= slice_seconds:
                guard = _Guard(self, timeout, own_seconds)  # only now: short calls are not to wait for what it reads

    def _go(
        self,
        data: bytes,
        timeout: float,
        own_seconds: float | None,
        eager_seconds: float = 0.0,
        meanwhile: Callable[[], None] | None = None,
    ) -> bytes:
        try:
            self._channel.send(data)
        except OSError:
            self._died()
        self.resume()
        if meanwhile is not None:
            meanwhile()
        end = time.perf_counter() + eager_seconds
        while time.perf_counter() < end and not self._poll.poll(0):
            pass
        return self._wait(timeout, own_seconds)

    def _serve_listener(self) -> None:
        assert self._listener is not None
        self._listener.serve()
        if self._listener.bombed:
            self.fail(Outcome.CRASHED, f"a fork bomb: {self._listener.started} processes")

    def _await_stop(self) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        while not stopped(self.pid):
            if time.monotonic() > deadline:
                self.fail(Outcome.CRASHED, f"the process did not stop within {_STOP_SECONDS:.3g} s")

    def _died(self) -> NoReturn:
        status = self.close(patience=0.2)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGKILL:
                self.fail(Outcome.CRASHED, "the process was killed or closed its channel (SIGKILL)")
            self.fail(Outcome.CRASHED, f"the process died of {signal.Signals(number).name}")
        self.fail(Outcome.CRASHED, f"the process exited with status {os.waitstatus_to_exitcode(status)}")

    def _signal(self, number: int) -> None:
        """To the worker and, where it could start some, to the processes of its group."""
        if self._process < 0:
            return
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self._process, number)
        if self._listener is None or self.limits.stage is Stage.BUILD:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class _Guard:
    """What a long wait looks after: time, memory, and whether anything is being done at all."""

    def __init__(self, worker: Worker, timeout: float, own_seconds: float | None) -> None:
        self._worker, self._timeout, self._own_seconds = worker, timeout, own_seconds
        self._watch = Watch(worker.pid)
        self._disk = worker.disk
        self._next = 0.0

    def check(self, spent: float) -> None:
        if spent < self._next:
            return
        self._next = spent + _SLICE_SECONDS
        self._watch.look()
        late = spent >= self._timeout and spent - self._watch.delayed_seconds >= self._timeout
        if late or spent >= _PATIENCE * self._timeout:
            self._worker.fail(Outcome.TIMED_OUT, f"no answer within {self._timeout:.3g} s")
        limits = self._worker.limits
        excess = self._watch.excess(limits.memory_bytes) or self._disk.excess()
        if excess:
            self._worker.fail(Outcome.OUT_OF_MEMORY, excess)
        if self._own_seconds is not None and self._watch.own_seconds > self._own_seconds:
            reason = f"no answer, and no compiler at work, within {self._own_seconds:.3g} s"
            self._worker.fail(Outcome.TIMED_OUT, reason)


def _pid_of(process: int) -> int:
    """The verifier's number for a process in another process namespace."""
    text = Path(f"/proc/self/fdinfo/{process}").read_text()
    return int(text.partition("Pid:")[2].split()[0])
