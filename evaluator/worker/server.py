"""The worker's loop: one command, one reply, until the verifier goes away."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from typing import Any

import torch

from egg_search.core.problem.outputs import flatten_outputs
from evaluator.protocol.memory import read_payload
from evaluator.protocol.records import (
    COMMAND_BYTES,
    MAX_OUTPUTS,
    Command,
    Op,
    Status,
    pack_reply,
    unpack_command,
)
from evaluator.protocol.structure import structure_of
from evaluator.worker.errors import explain, is_memory_error
from evaluator.worker.host import HostMemory, NoRoom
from evaluator.worker.models import Models
from evaluator.worker.profile import kernels_of
from evaluator.worker.setup import install


def serve(fd: int, device: str = "cpu") -> None:
    """Answers commands on the SEQPACKET socket `fd`; returns when the other side closed it."""
    with torch.no_grad():
        server = _Server(socket.socket(fileno=fd), _memory_of(device))
        while server.serve_one():
            pass


class _Server:
    def __init__(self, channel: socket.socket, memory: HostMemory) -> None:
        self._channel, self._memory = channel, memory
        self._models = Models(memory)
        self._ready: tuple[Callable[..., Any], list[Any]] | None = None
        self._launched = 0.0  # seconds until the last untimed call was launched

    def serve_one(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._channel, COMMAND_BYTES, 2)
        if not data:
            return False
        command = unpack_command(data)
        try:
            reply = self._answer(command, fds)
        except MemoryError as error:
            reply = pack_reply(command.nonce, Status.NO_MEMORY, text=explain(error))
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: they are a candidate's answer
            status = Status.NO_MEMORY if is_memory_error(error) else Status.RAISED
            reply = pack_reply(command.nonce, status, text=explain(error))
        self._channel.send(reply)
        return True

    def _answer(self, command: Command, fds: list[int]) -> bytes:
        nonce = command.nonce
        if command.op is Op.GO:
            return self._go(nonce)
        self._ready = None
        self._memory.drop()
        if command.op is Op.LOAD:
            self._models.load(command.model, read_payload(fds[0]), fds[1] if len(fds) > 1 else None)
            gc.collect()
            gc.freeze()
        elif command.op is Op.BIND:
            self._models.bind(command.model, command.slot, read_payload(fds[0]), fds[1])
        elif command.op is Op.SETUP:
            install(read_payload(fds[0]))
            self._memory.warm()
        elif command.op is Op.FORGET:
            self._models.forget()
            self._memory.forget()
        elif command.op is Op.ROOM:
            self._memory.make_room(read_payload(fds[0]), fds[1])
        elif command.op is Op.CALL:
            self._prepare(command)
        elif command.op is Op.BUFFERS:
            buffers = self._models.buffers(command.model)[command.slot :][:MAX_OUTPUTS]
            return pack_reply(nonce, Status.DONE, outputs=self._memory.show(buffers))
        elif command.op is Op.PROFILE:
            forward, arguments = self._models.call(command.model, command.slot)
            share = self._memory.operator_share(forward, arguments)
            return pack_reply(nonce, Status.DONE, share, kernels_of(forward, arguments) if command.warm else "")
        return pack_reply(nonce, Status.READY)

    def _prepare(self, command: Command) -> None:
        forward, arguments = self._models.call(command.model, command.slot)
        self._launched = 0.0
        for _ in range(command.warm - 1):
            forward(*arguments)
        if command.warm:
            self._launched = self._memory.warmed(forward, arguments)
        self._memory.wait()
        self._ready = forward, arguments

    def _go(self, nonce: bytes) -> bytes:
        """The timed part: forward, and a record of where its outputs are. Without a model (null), the record alone."""
        assert self._ready is not None, "GO without CALL"
        result = self._memory.timed(*self._ready)
        found = flatten_outputs(result)
        if len(found) > MAX_OUTPUTS:
            return pack_reply(nonce, Status.BAD_FORM, text=f"{len(found)} output tensors, more than {MAX_OUTPUTS}")
        try:
            structure, outputs = structure_of(result), self._memory.deliver(found)
            launched = self._launched or self._memory.launched  # after a stop it takes longer
            return pack_reply(nonce, Status.DONE, self._memory.elapsed(), structure, outputs, launched)
        except ValueError as error:
            return pack_reply(nonce, Status.BAD_FORM, text=str(error))
        except NoRoom as error:
            return pack_reply(nonce, Status.NO_ROOM, number=error.size)


def _memory_of(device: str) -> HostMemory:
    if device == "cpu":
        return HostMemory()
    from evaluator.worker.cuda import CudaMemory  # which nobody else imports

    return CudaMemory()
