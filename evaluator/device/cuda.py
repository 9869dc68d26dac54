"""GPU candidates: inputs in device memory of the verifier's, its own wall clock, outputs that it took itself.

A stopped process cannot launch kernels, but those that it launched go on. So the inputs are written, and the cache is
emptied, when the clock runs already, and it stops only when the outputs have been copied out of the worker's reach and
nothing of the worker's is left on the device. A null call does all that too, and is taken off. Nothing depends on
what a worker says or synchronises.
"""

from __future__ import annotations

import os
import secrets
import time
from typing import Any, ClassVar

import torch

from egg_search.core.hardware import Hardware
from egg_search.core.verdict import Outcome
from evaluator.device.base import NO_RIGHTS, Call, Rights
from evaluator.device.cpu import BIND_SECONDS, FILE_BYTES, SLOTS, CpuSeat
from evaluator.device.cuda_bench import Bench, Busy
from evaluator.device.cuda_memory import DeviceMemoryError, DeviceRegion, up
from evaluator.isolation.base import Limits
from evaluator.isolation.isolation import Isolation
from evaluator.isolation.worker import Worker
from evaluator.protocol.memory import Layout
from evaluator.protocol.records import Op, Output, Reply, Status
from evaluator.worker.models import NULL_MODEL

_CONTEXT_BYTES = 6 << 30  # of host memory, for CUDA's libraries and torch's kernels
_LEAST_ROOM = 16 << 20
_REST_SECONDS = 1.0  # how long kernels may run on behind a call


class CudaDevice:
    """The current GPU of this process, which `hardware` describes; workers have all CPUs."""

    quantile = 0.5
    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "eager_tf32": {"tf32": True},
        "compile": {"compiled": True},
        "compile_tf32": {"compiled": True, "tf32": True},
    }

    def __init__(self, hardware: Hardware, isolation: Isolation) -> None:
        self._isolation, self._memory_bytes = isolation, hardware.memory_bytes
        self._cpus = tuple(sorted(os.sched_getaffinity(0)))
        self._bench = Bench(hardware.l2_bytes)

    def open(self, memory_bytes: int, environment: dict[str, str], rights: Rights = NO_RIGHTS) -> CudaSeat:
        places = rights.readable, rights.writable, rights.private
        limits = Limits(memory_bytes + _CONTEXT_BYTES, FILE_BYTES, self._cpus, rights.stage, *places, device="cuda")
        worker = self._isolation.spawn(limits, environment)
        return CudaSeat(worker, self._bench, self._memory_bytes // 4, rights.build_seconds)


class CudaSeat(CpuSeat):
    """`most_room`: bytes that the outputs of one call may have."""

    def __init__(self, worker: Worker, bench: Bench, most_room: int, build_seconds: float = 0.0) -> None:
        super().__init__(worker, build_seconds)
        self._bench, self._most_room = bench, most_room
        self._inputs: dict[tuple[int, int], tuple[Layout, torch.Tensor]] = {}
        self._room = torch.empty(0, dtype=torch.uint8, device="cuda")  # the first half of a region; see CudaMemory
        self._spare = self._room
        self._sizes: dict[int, int] = {}  # bytes of a model's outputs
        self._last: tuple[list[Any], torch.Tensor, int] | None = None  # a null call repeats the last one

    def _forward(
        self, number: int, arguments: list[Any], timeout: float, warm: int, own_seconds: float | None = None
    ) -> Call:
        place = number, secrets.randbelow(SLOTS)
        try:
            layout, staged = self._bench.stage(arguments)
            self._worker.resume()
            inputs = self._bound_inputs(place, layout)
            self._make_room(max(_LEAST_ROOM, 2 * layout.size))
            warm = warm if place in self._written else 0
            self._expect(self._worker.request(Op.CALL, timeout, *place, warm))
            self._worker.pause()
            self._written.add(place)
            size = self._sizes.get(number, len(self._room))
            seconds, reply = self._timed(inputs, staged, size, timeout, own_seconds)
            if reply.status is Status.NO_ROOM:
                self._grow(number, reply.number)
                return self._forward(number, arguments, timeout, warm, own_seconds)
            self._expect(reply)
            seconds += self._taken(number, reply.outputs, size)
            outputs = [self._bench.kept(output) for output in reply.outputs]
            self._last = arguments, inputs, self._sizes[number]
            return Call(seconds, outputs, self._bench.changed(layout, staged, inputs), reply.text, 1 + warm)
        except (torch.OutOfMemoryError, DeviceMemoryError) as error:
            self._worker.fail(Outcome.OUT_OF_MEMORY, f"no memory is left on the device: {str(error).splitlines()[0]}")

    def null(self) -> float:
        assert self._last is not None, "a null call repeats a call"
        arguments, inputs, size = self._last
        staged = self._bench.staged_like(arguments, len(inputs))
        self._worker.resume()
        self._expect(self._worker.request(Op.CALL, BIND_SECONDS, NULL_MODEL))
        self._worker.pause()
        seconds, reply = self._timed(inputs, staged, size, BIND_SECONDS, warm=self._spare[:size])
        self._expect(reply)
        return seconds

    def operator_share(self, number: int, arguments: list[Any], timeout: float) -> float:
        place = number, secrets.randbelow(SLOTS)
        layout, staged = self._bench.stage(arguments)
        self._worker.resume()
        self._bound_inputs(place, layout).copy_(staged)
        torch.cuda.synchronize()
        self._written.add(place)
        reply = self._worker.request(Op.PROFILE, timeout, *place)
        self._worker.pause()
        self._expect(reply)
        return min(1.0, max(0.0, reply.number))

    def _timed(
        self,
        inputs: torch.Tensor,
        staged: torch.Tensor,
        size: int,
        timeout: float,
        own_seconds: float | None = None,
        warm: torch.Tensor | None = None,
    ) -> tuple[float, Reply]:
        """One GO to a stopped worker, on `staged` inputs; keeps `size` bytes of outputs. `warm` stays in the cache."""
        self._bench.reserve(len(self._room))
        self._bench.wake()
        begin = time.perf_counter()
        inputs.copy_(staged)
        self._bench.cool(warm)
        torch.cuda.synchronize()
        reply = self._worker.go(timeout, own_seconds)
        self._bench.keep(self._room[:size])
        seconds = time.perf_counter() - begin
        self._worker.pause()
        try:
            return seconds + self._bench.settle(_REST_SECONDS), reply
        except Busy:
            self._worker.fail(Outcome.TIMED_OUT, f"kernels run on for {_REST_SECONDS:.3g} s after the call")

    def _taken(self, number: int, outputs: tuple[Output, ...], size: int) -> float:
        """Checks where outputs are said to be. Seconds that it took to keep what was not expected to be there."""
        end = max((output.address + output.span * output.dtype.itemsize for output in outputs), default=0)
        if end > len(self._room):
            self._worker.fail(Outcome.PROTOCOL, f"an output ends at byte {end} of {len(self._room)}")
        self._sizes[number] = min(len(self._room), max(up(end), self._sizes.get(number, 0)))
        if end <= size:
            return 0.0
        begin = time.perf_counter()
        self._bench.keep(self._room[:end])
        return time.perf_counter() - begin

    def _bound_inputs(self, place: tuple[int, int], layout: Layout) -> torch.Tensor:
        """The device memory that the worker's model sees as its arguments."""
        known = self._inputs.get(place)
        if known is None or known[0] != layout:
            region = DeviceRegion.create(layout.size)
            known = self._inputs[place] = layout, region.bytes()
            self._written.discard(place)
            self._send(Op.BIND, BIND_SECONDS, *place, layout, region.fd)
        return known[1]

    def _make_room(self, size: int) -> None:
        if len(self._room) < size:
            region = DeviceRegion.create(2 * size)
            self._send(Op.ROOM, BIND_SECONDS, NULL_MODEL, 0, size, region.fd)
            self._room, self._spare = region.bytes()[:size], region.bytes()[size:]

    def _grow(self, number: int, size: float) -> None:
        """Only before the first answer of a model: what is called again has seen its inputs."""
        if number in self._sizes or not len(self._room) < size <= self._most_room:
            self._worker.fail(Outcome.OUT_OF_MEMORY, f"{size:.0f} bytes of outputs")
        self._worker.resume()
        self._make_room(up(int(size)))
