"""CPU candidates: inputs in shared memory without a copy, the verifier's own clock, outputs read from outside."""

from __future__ import annotations

import os
import secrets
from collections.abc import Hashable
from dataclasses import replace
from typing import Any, ClassVar

import torch

from egg_search.core.hardware import Hardware
from egg_search.core.verdict import Outcome
from evaluator.device.base import COMPILE, MAX_AUTOTUNE, NO_RIGHTS, Call, Rights, Variant
from evaluator.isolation.base import Limits
from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.isolation import Isolation
from evaluator.isolation.worker import Worker
from evaluator.protocol.memory import Layout, Region, layout_of, payload, same_bytes, tensors_of
from evaluator.protocol.records import MAX_OUTPUTS, Op, Reply, Status
from evaluator.worker.models import NULL_MODEL, ModelSpec

FILE_BYTES = 256 << 20
SLOTS = 2  # places that arguments may lie in: an address that was remembered is the wrong one half of the time
BIND_SECONDS = 1.5
_FAILURES = {
    Status.RAISED: Outcome.RAISED,
    Status.NO_MEMORY: Outcome.OUT_OF_MEMORY,
    Status.BAD_FORM: Outcome.WRONG_FORM,
}
_REASON_CHARACTERS = 400


class CpuDevice:
    """All cores of `hardware`, in every worker alike."""

    place = "cpu"
    beside = False  # compilers have all of it
    quantile = 0.1  # neighbours only ever add time
    null_every = 1
    alone = 0.0
    variants: ClassVar[dict[str, Variant]] = {
        "compile": Variant(COMPILE),
        "max_autotune": Variant(MAX_AUTOTUNE, on_request=True),
    }

    def __init__(self, hardware: Hardware, isolation: Isolation) -> None:
        self._cpus = tuple(sorted(os.sched_getaffinity(0)))[: hardware.cores]
        self._isolation = isolation

    def open(self, memory_bytes: int, environment: dict[str, str], rights: Rights = NO_RIGHTS) -> CpuSeat:
        places = rights.readable, rights.writable, rights.private
        limits = Limits(memory_bytes, FILE_BYTES, self._cpus, rights.stage, *places)
        return CpuSeat(self._isolation.spawn(limits, environment), rights.build_seconds)

    def settle(self) -> None:
        """A closed seat holds nothing."""

    def has_room(self, size: int) -> bool:
        """Seats have limits of their own."""
        return True

    def close(self) -> None:
        """It holds nothing."""


class CpuSeat:
    """The clock runs from the verifier's GO until it has received DONE and stopped the worker. The worker is stopped
    between calls, and while its next inputs are written: it cannot work on them ahead, nothing goes on behind the
    clock, and its idle threads do not spin on the cores of the next worker."""

    again = False

    def __init__(self, worker: Worker, build_seconds: float = 0.0) -> None:
        self._worker, self._build_seconds = worker, build_seconds
        self._bound: dict[tuple[int, int], tuple[Layout, Region, list[torch.Tensor]]] = {}
        self._written: set[tuple[int, int]] = set()
        self.seen: set[Hashable] = set()

    @property
    def denied(self) -> list[str]:
        return self._worker.denied

    def load(
        self,
        number: int,
        spec: ModelSpec,
        state: dict[str, torch.Tensor],
        timeout: float,
        rehearsal: list[Any] | None = None,
    ) -> None:
        layout = layout_of(state)
        region = Region.create(layout.size)
        for view, value in zip(layout.views(region), tensors_of(state), strict=True):
            view.copy_(value)
        self._worker.unlock()
        self._worker.resume()
        longest = max(timeout, self._build_seconds)
        try:
            self._send(
                Op.LOAD, longest, number, value=replace(spec, state=layout), shared=region.fd, own_seconds=timeout
            )
        except WorkerFailure as failure:
            if failure.outcome is Outcome.RAISED:
                raise WorkerFailure(Outcome.LOAD_FAILED, failure.reason) from None
            raise
        if rehearsal is not None:
            self._forward(number, rehearsal, longest, 0, timeout)
        self._worker.pause()
        self._worker.lock()

    def call(self, number: int, arguments: list[Any], timeout: float, warm: int = 0) -> Call:
        return self._forward(number, arguments, timeout, warm)

    def _forward(
        self, number: int, arguments: list[Any], timeout: float, warm: int, own_seconds: float | None = None
    ) -> Call:
        tensors, place = tensors_of(arguments), (number, secrets.randbelow(SLOTS))
        self._worker.resume()
        views = self._bind(place, layout_of(arguments))
        warm = warm if place in self._written else 0
        self._expect(self._worker.request(Op.CALL, timeout, *place, warm))
        self._worker.pause()
        for view, tensor in zip(views, tensors, strict=True):
            view.copy_(tensor)
        self._written.add(place)
        seconds, reply = self._worker.timed(timeout, own_seconds)
        self._expect(reply)
        outputs = self._worker.read_all(reply.outputs)
        pairs = enumerate(zip(views, tensors, strict=True))
        changed = {position: view.clone() for position, (view, tensor) in pairs if not same_bytes(view, tensor)}
        region = self._bound[place][1]
        borrowed = tuple(self._worker.lies_in(output, region.fd) for output in reply.outputs)
        return Call(seconds, outputs, changed, reply.text, 1 + warm, borrowed=borrowed)

    def buffers(self, number: int, timeout: float, count: int) -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        while len(found) < count:
            self._worker.resume()
            reply = self._worker.request(Op.BUFFERS, timeout, number, len(found))
            self._worker.pause()
            self._expect(reply)
            if len(reply.outputs) != min(MAX_OUTPUTS, count - len(found)):
                self._worker.fail(Outcome.PROTOCOL, f"{len(found) + len(reply.outputs)} buffers, expected {count}")
            found += self._worker.read_all(reply.outputs)
        return found

    def null(self) -> Call:
        self._worker.resume()
        self._expect(self._worker.request(Op.CALL, BIND_SECONDS, NULL_MODEL))
        self._worker.pause()
        seconds, reply = self._worker.timed(BIND_SECONDS)
        self._expect(reply)
        return Call(seconds, [])

    def operator_share(
        self, number: int, arguments: list[Any], timeout: float, kernels: bool = False
    ) -> tuple[float, str]:
        tensors, place = tensors_of(arguments), (number, secrets.randbelow(SLOTS))
        self._worker.resume()
        for view, tensor in zip(self._bind(place, layout_of(arguments)), tensors, strict=True):
            view.copy_(tensor)
        self._written.add(place)
        reply = self._worker.request(Op.PROFILE, timeout, *place, int(kernels))
        self._worker.pause()
        self._expect(reply)
        return min(1.0, max(0.0, reply.number)), reply.text

    def close(self, keep: bool = False) -> None:
        self._worker.close()

    def _bind(self, place: tuple[int, int], layout: Layout) -> list[torch.Tensor]:
        """The tensors in shared memory that the worker's model sees as its arguments."""
        known = self._bound.get(place)
        if known is None or known[0] != layout:
            region = Region.create(layout.size)
            known = self._bound[place] = (layout, region, layout.views(region))
            self._written.discard(place)
            self._send(Op.BIND, BIND_SECONDS, *place, layout, region.fd)
        return known[2]

    def _send(
        self,
        op: Op,
        timeout: float,
        number: int,
        slot: int = 0,
        value: Any = None,
        shared: int = -1,
        own_seconds: float | None = None,
    ) -> None:
        fd = payload(value)
        try:
            fds = [fd] if shared < 0 else [fd, shared]
            self._expect(self._worker.request(op, timeout, number, slot, fds=fds, own_seconds=own_seconds))
        finally:
            os.close(fd)

    def _expect(self, reply: Reply) -> None:
        """Raises WorkerFailure, with the worker dead, when a reply reports one."""
        if reply.status in _FAILURES:
            self._worker.fail(_FAILURES[reply.status], " ".join(reply.text.split())[:_REASON_CHARACTERS])
