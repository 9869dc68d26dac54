"""GPU candidates: inputs in device memory of the verifier's, its own wall clock, outputs that are copied to its memory.

A stopped process cannot launch kernels, but those that it launched go on. So nothing is written before the device was
seen at rest for longer than a turn of another process, and the clock goes on until it is at rest again. The worker's
own clock, two events around the call, is more exact; it counts as far as the wall clock bears it out (`timing/`).
"""

from __future__ import annotations

import os
import secrets
import time
from typing import Any, ClassVar

import torch

from egg_search.core.hardware import Hardware
from egg_search.core.verdict import Outcome
from evaluator.device.base import NO_RIGHTS, Call, Rights, Variant
from evaluator.device.cpu import BIND_SECONDS, CpuSeat
from evaluator.device.cuda_bench import SLOTS, Bench, Busy
from evaluator.device.cuda_memory import DeviceMemoryError, DeviceRegion, up
from evaluator.device.cuda_spare import Spares
from evaluator.isolation.isolation import Isolation
from evaluator.isolation.worker import Worker
from evaluator.protocol.memory import Layout
from evaluator.protocol.records import Op, Output, Reply, Status
from evaluator.worker.models import NULL_MODEL, ModelSpec

_LEAST_ROOM = 1 << 20
_SETUP_SECONDS = 60.0  # a context is made
_PROFILER_SECONDS = 20.0  # torch's profiler starts
_REST_SECONDS = 1.0  # how long kernels may run on behind a call
_MOST_OUTPUTS, _MOST_HELD = 0.25, 0.6  # of the device's memory: outputs of a call, what a worker may hold


class CudaDevice:
    """The current GPU of this process, which `hardware` describes; workers have all CPUs."""

    place = "cuda"
    quantile = 0.5
    variants: ClassVar[dict[str, Variant]] = {
        "eager_fp32": Variant({"tf32": False}, like="eager"),
        "eager_tf32": Variant({"tf32": True}, like="eager"),
        "compile": Variant({"compiled": True, "tf32": False}),
        "compile_tf32": Variant({"compiled": True, "tf32": True}, like="compile", told_by="eager_tf32"),
    }

    def __init__(self, hardware: Hardware, isolation: Isolation) -> None:
        self._memory_bytes = hardware.memory_bytes
        self._spares = Spares(isolation, tuple(sorted(os.sched_getaffinity(0))))
        self._bench = Bench(hardware.l2_bytes)

    def open(self, memory_bytes: int, environment: dict[str, str], rights: Rights = NO_RIGHTS) -> CudaSeat:
        worker, waiting = self._spares.take(memory_bytes, environment, rights)
        return CudaSeat(worker, self._bench, self._memory_bytes, rights.build_seconds, waiting)

    def close(self) -> None:
        self._spares.close()


class CudaSeat(CpuSeat):
    """`setup` is what the worker, which was started before anybody knew whom it is for, has to be told first."""

    def __init__(
        self, worker: Worker, bench: Bench, device_bytes: int, build_seconds: float = 0.0, setup: Any = None
    ) -> None:
        super().__init__(worker, build_seconds)
        self._bench, self._device_bytes, self._setup = bench, device_bytes, setup
        self._inputs: dict[tuple[int, int], DeviceRegion] = {}
        self._room: DeviceRegion | None = None  # of the bench's, that the worker knows
        self._sizes: dict[int, int] = {}  # bytes of a model's outputs
        self._held = 0  # bytes of the device's memory that calls have taken and not given back
        self._last: tuple[Layout, DeviceRegion, list[Any], int] | None = None  # a null call repeats the last one

    def load(
        self,
        number: int,
        spec: ModelSpec,
        state: dict[str, torch.Tensor],
        timeout: float,
        rehearsal: list[Any] | None = None,
    ) -> None:
        if self._setup is not None:
            self._worker.resume()
            self._send(Op.SETUP, _SETUP_SECONDS, NULL_MODEL, value=self._setup)
            self._setup = None
        before = _free_bytes()
        super().load(number, spec, state, timeout, rehearsal)
        self._hold(before - _free_bytes())

    def _forward(
        self, number: int, arguments: list[Any], timeout: float, warm: int, own_seconds: float | None = None
    ) -> Call:
        place = number, secrets.randbelow(SLOTS)
        try:
            layout, region = self._bench.slot(arguments, place[1])
            self._worker.resume()
            self._reveal(place, layout, region)
            self._make_room(max(_LEAST_ROOM, layout.size))
            warm, before = warm if place in self._written else 0, _free_bytes()
            self._expect(self._worker.request(Op.CALL, timeout, *place, warm))
            self._worker.pause()
            self._written.add(place)
            size = self._sizes.get(number, self._bench.room.size)
            seconds, reply = self._timed(layout, region, arguments, timeout, own_seconds)
            self._hold(before - _free_bytes())
            if reply.status is Status.NO_ROOM:
                self._bench.clear(layout, region, size)
                self._grow(number, reply.number)
                return self._forward(number, arguments, timeout, warm, own_seconds)
            self._expect(reply)
            self._require_inside(number, reply.outputs)
            outputs = [self._bench.taken(output) for output in reply.outputs]
            self._last = layout, region, arguments, self._sizes[number]
            changed = self._bench.changed(layout, region, arguments)
            self._bench.clear(layout, region, self._sizes[number])
            return Call(seconds, outputs, changed, reply.text, 1 + warm, max(0.0, reply.number), max(0.0, reply.aside))
        except (torch.OutOfMemoryError, DeviceMemoryError) as error:
            self._worker.fail(Outcome.OUT_OF_MEMORY, f"no memory is left on the device: {str(error).splitlines()[0]}")

    def buffers(self, number: int, timeout: float) -> list[torch.Tensor]:
        return [each.cuda() for each in super().buffers(number, timeout)]

    def null(self) -> float:
        assert self._last is not None, "a null call repeats a call"
        layout, region, arguments, size = self._last
        self._worker.resume()
        self._expect(self._worker.request(Op.CALL, BIND_SECONDS, NULL_MODEL))
        self._worker.pause()
        seconds, reply = self._timed(layout, region, arguments, BIND_SECONDS)
        self._expect(reply)
        self._bench.clear(layout, region, size)
        return seconds

    def operator_share(
        self, number: int, arguments: list[Any], timeout: float, kernels: bool = False
    ) -> tuple[float, str]:
        place = number, secrets.randbelow(SLOTS)
        layout, region = self._bench.slot(arguments, place[1])
        self._worker.resume()
        self._reveal(place, layout, region)
        self._bench.write(layout, region, arguments)
        self._written.add(place)
        timeout += _PROFILER_SECONDS * kernels
        reply = self._worker.request(Op.PROFILE, timeout, *place, int(kernels))
        self._worker.pause()
        self._expect(reply)
        self._bench.clear(layout, region, self._bench.room.size)
        return min(1.0, max(0.0, reply.number)), reply.text

    def _timed(
        self,
        layout: Layout,
        region: DeviceRegion,
        arguments: list[Any],
        timeout: float,
        own_seconds: float | None = None,
    ) -> tuple[float, Reply]:
        """One GO to a stopped worker, on fresh inputs."""
        try:
            self._bench.write(layout, region, arguments)
            self._bench.hold()
            begin = time.perf_counter()
            reply = self._worker.go(timeout, own_seconds)
            seconds = time.perf_counter() - begin
            self._worker.pause()
            return seconds + self._bench.settle(_REST_SECONDS), reply
        except Busy:
            self._worker.fail(Outcome.TIMED_OUT, f"kernels run on for {_REST_SECONDS:.3g} s after the call")

    def _hold(self, taken: int) -> None:
        self._held += max(0, taken)
        most = int(_MOST_HELD * self._device_bytes)
        if self._held > most:
            what = f"{self._held >> 20} MiB of the device's memory, over the limit of {most >> 20} MiB"
            self._worker.fail(Outcome.OUT_OF_MEMORY, what)

    def _require_inside(self, number: int, outputs: tuple[Output, ...]) -> None:
        """Checks where outputs are said to be."""
        end = max((output.address + output.span * output.dtype.itemsize for output in outputs), default=0)
        if end > self._bench.room.size:
            self._worker.fail(Outcome.PROTOCOL, f"an output ends at byte {end} of {self._bench.room.size}")
        self._sizes[number] = min(self._bench.room.size, max(up(end), self._sizes.get(number, 0)))

    def _reveal(self, place: tuple[int, int], layout: Layout, region: DeviceRegion) -> None:
        """Has the worker's model see `region` as its arguments."""
        if self._inputs.get(place) is not region:
            self._inputs[place] = region
            self._written.discard(place)
            self._send(Op.BIND, BIND_SECONDS, *place, layout, region.fd)

    def _make_room(self, size: int) -> None:
        self._bench.make_room(size)
        if self._room is not self._bench.room:
            self._room = self._bench.room
            self._bench.poison(self._room.size)
            self._send(Op.ROOM, BIND_SECONDS, NULL_MODEL, 0, self._room.size, self._room.fd)

    def _grow(self, number: int, size: float) -> None:
        """Only before the first answer of a model: what is called again has seen its inputs."""
        most = int(_MOST_OUTPUTS * self._device_bytes)
        if number in self._sizes or not self._bench.room.size < size <= most:
            self._worker.fail(Outcome.OUT_OF_MEMORY, f"{size:.0f} bytes of outputs")
        self._worker.resume()
        self._make_room(up(int(size)))


def _free_bytes() -> int:
    """Of the device, and what torch keeps for itself in this process. (`memory_reserved` takes milliseconds.)"""
    own = torch._C._cuda_memoryStats(torch.cuda.current_device())["reserved_bytes"]["all"]["current"]
    return torch.cuda.mem_get_info()[0] + own
