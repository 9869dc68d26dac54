"""One worker on a GPU: inputs in device memory of the verifier's, its own wall clock, outputs copied to its memory.

A stopped process cannot launch kernels, but those that it launched go on. So nothing is written before the device was
seen at rest for longer than a turn of another process, and the clock goes on until it is at rest again. The worker's
own clock, two events around the call, is more exact; it counts as far as the verifier's clocks bear it out (`timing/`):
of a short call events of its own, between which the worker has one turn on the device; of a longer one the wall clock.
"""

from __future__ import annotations

import secrets
import time
from textwrap import shorten
from typing import Any, NoReturn

import torch

from egg_search.core.verdict import Outcome
from evaluator.device.base import Call
from evaluator.device.cpu import BIND_SECONDS, SLOTS, CpuSeat
from evaluator.device.cuda_after import After, Tenant
from evaluator.device.cuda_bench import Bench, Busy, Placed, free_bytes
from evaluator.device.cuda_hold import covers
from evaluator.device.cuda_memory import DeviceMemoryError, DeviceRegion, up
from evaluator.protocol.records import Op, Output, Reply, Status
from evaluator.worker.models import NULL_MODEL, ModelSpec

_LEAST_ROOM = 1 << 20
_SETUP_SECONDS = 60.0  # a context is made
_PROFILER_SECONDS = 20.0  # torch's profiler starts
_PROFILED_CALLS = 3  # one to learn what launching takes, one that is watched, and how long the device sleeps
_REST_SECONDS = 1.0  # how long kernels may run on behind a call
# Of the device's memory: outputs of a call, what a worker may hold, outputs of a call that are copied twice.
_MOST_OUTPUTS, _MOST_HELD, _MOST_FOLLOWED = 0.25, 0.6, 0.012
# Seconds of a call that fits in a turn: by itself, and with the copies of its outputs. And of the turn before it, in
# which inputs are written.
_BRIEF_SECONDS, _TURN_SECONDS, _WRITING_SECONDS = 0.0012, 0.0016, 0.0019
# How often in a row a model is not seen, e.g. since it waits for the device, until only one call in so many is watched:
# that delays calls.
_PATIENCE, _AGAIN = 3, 8
_MUCH = 8 << 30  # bytes of the device's memory, that take a while to be free again
_TOLD_CHARACTERS = 160
_FULL = (torch.OutOfMemoryError, DeviceMemoryError)


class CudaSeat(CpuSeat):
    """`setup` is what the worker, which was there before anybody knew what it is for, has to be told first; `again`:
    another configuration was."""

    def __init__(
        self,
        tenant: Tenant,
        bench: Bench,
        after: After,
        device_bytes: int,
        build_seconds: float = 0.0,
        setup: Any = None,
        again: bool = False,
    ) -> None:
        super().__init__(tenant.worker, build_seconds)
        self._tenant, self.seen, self.again = tenant, tenant.seen, again
        self._bench, self._after, self._device_bytes, self._setup = bench, after, device_bytes, setup
        self._inputs: dict[tuple[int, int], DeviceRegion] = {}
        self._room: DeviceRegion | None = None  # of the bench's, that the worker knows
        self._sizes: dict[int, int] = {}  # bytes of a model's outputs
        self._grown: set[int] = set()  # models that were given more room
        self._said: dict[int, tuple[float, float]] = {}  # seconds that a model's last call took, and its launches
        self._unseen: dict[int, int] = {}  # calls since the last one that was seen, of those that are brief, by model
        self._taken_bytes = tenant.held  # bytes of the device's memory that calls have taken and not given back
        self._last: tuple[Placed, int] | None = None  # what a null call repeats, and its bytes of outputs

    def load(
        self,
        number: int,
        spec: ModelSpec,
        state: dict[str, torch.Tensor],
        timeout: float,
        rehearsal: list[Any] | None = None,
    ) -> None:
        self._set_up()
        before = free_bytes()
        self._tenant.free = max(self._tenant.free, before)
        super().load(number, spec, state, timeout, rehearsal)
        self._account(before - free_bytes())

    def load_beside(
        self,
        number: int,
        spec: ModelSpec,
        state: dict[str, torch.Tensor],
        timeout: float,
        arguments: list[Any],
        call_timeout: float,
    ) -> None:
        self._set_up()
        super().load(number, spec, state, timeout)
        try:
            with self._bench.lock:
                placed = self._bench.slot(arguments, 0)
                torch.cuda.synchronize()
            self._worker.resume()
            self._reveal((number, 0), placed)
            self._expect(self._worker.request(Op.CALL, call_timeout, number, 0, 1))
            self._worker.pause()
        except _FULL as error:
            self._full(error)

    def _set_up(self) -> None:
        if self._setup is not None:
            self._worker.unlock()  # it was locked where it judged before
            self._worker.resume()
            self._send(Op.SETUP, _SETUP_SECONDS, NULL_MODEL, value=self._setup)
            self._setup = None
        self._after.wait()  # what those held is not this one's

    def buffers(self, number: int, timeout: float, count: int) -> list[torch.Tensor]:
        return [each.cuda() for each in super().buffers(number, timeout, count)]

    def null(self) -> Call:
        assert self._last is not None, "a null call repeats a call"
        placed, size = self._last
        self._worker.resume()
        self._make_room(size)
        self._prepare_null()
        try:
            seconds, _, reply = self._timed(placed, size, BIND_SECONDS, brief=False)
            self._expect(reply)
            self._bench.clear(placed, size)
            self._worker.resume()
            self._prepare_null()
            _, seen, reply = self._timed(placed, size, BIND_SECONDS)  # to be watched takes time
        except _FULL as error:
            self._full(error)
        self._expect(reply)
        self._bench.clear(placed, size)
        return Call(seconds, [], claimed=max(0.0, reply.number), seen=seen)

    def operator_share(
        self, number: int, arguments: list[Any], timeout: float, kernels: bool = False
    ) -> tuple[float, str]:
        place = number, secrets.randbelow(SLOTS)
        placed = self._bench.slot(arguments, place[1])
        self._worker.resume()
        self._reveal(place, placed)
        self._bench.write(placed)
        torch.cuda.synchronize()
        self._written.add(place)
        timeout = _PROFILED_CALLS * timeout + _PROFILER_SECONDS * kernels
        reply = self._worker.request(Op.PROFILE, timeout, *place, int(kernels))
        self._worker.pause()
        self._expect(reply)
        self._bench.clear(placed, self._bench.room.size)
        return min(1.0, max(0.0, reply.number)), reply.text

    def close(self, keep: bool = False) -> None:
        self._after.leave(self._tenant, keep, took_much=self._taken_bytes > _MUCH)
        with self._bench.lock:
            self._bench.leave(self)

    def _forward(
        self, number: int, arguments: list[Any], timeout: float, warm: int, own_seconds: float | None = None
    ) -> Call:
        place = number, secrets.randbelow(SLOTS)
        try:
            placed = self._bench.slot(arguments, place[1])
            self._worker.resume()
            self._reveal(place, placed)
            self._make_room(max(_LEAST_ROOM, placed.layout.size, self._sizes.get(number, 0)))
            warm, before = warm if place in self._written else 0, free_bytes()
            self._expect(self._worker.request(Op.CALL, timeout, *place, warm))
            self._worker.pause()
            self._written.add(place)
            size = self._sizes.get(number, self._bench.room.size)
            launch = self._said.get(number, (0.0, 0.0))[1]
            brief = self._is_brief(number, size, placed.layout.size)
            seconds, seen, reply = self._timed(placed, size, timeout, own_seconds, launch, brief)
            self._account(before - free_bytes())
            if reply.status is Status.NO_ROOM:
                self._bench.clear(placed, size)
                self._grow(number, reply.number)
                return self._forward(number, arguments, timeout, warm, own_seconds)
            whole = self._end(reply.outputs) <= size  # what lies beyond was not watched
            outputs, changed = self._taken(number, placed, reply, size)
            seen = seen if whole and not changed else 0.0
            self._unseen[number] = 0 if seen else self._unseen.get(number, 0) + (brief or self._gave_up(number))
            said = max(0.0, reply.number), max(0.0, reply.aside)
            self._said[number] = said[0], said[1] or launch
            return Call(seconds, outputs, changed, reply.text, 1 + warm, *said, seen)
        except _FULL as error:
            self._full(error)

    def _prepare_null(self) -> None:
        self._expect(self._worker.request(Op.CALL, BIND_SECONDS, NULL_MODEL))
        self._worker.pause()

    def _is_brief(self, number: int, size: int, inputs: int) -> bool:
        """Whether the model's next call, with so many bytes of outputs and inputs, is to be watched, and likely to be
        seen in one turn, with nothing of its inputs there in another one before the hold."""
        claimed, launch = self._said.get(number, (_BRIEF_SECONDS, 0.0))
        fits = claimed + self._bench.copy_seconds(size) < _TURN_SECONDS and covers(launch)
        fits = fits and self._bench.copy_seconds(inputs) < _WRITING_SECONDS
        again = not self._gave_up(number) or self._unseen[number] % _AGAIN == 0
        return claimed < _BRIEF_SECONDS and fits and again

    def _gave_up(self, number: int) -> bool:
        return self._unseen.get(number, 0) >= _PATIENCE

    def _timed(
        self,
        placed: Placed,
        size: int,
        timeout: float,
        own_seconds: float | None = None,
        launch: float = 0.0,
        brief: bool = True,
    ) -> tuple[float, float, Reply]:
        """One GO to a stopped worker, on fresh inputs; `size` bytes of outputs are taken as it says that it is done.
        Seconds of the wall clock, and those seen on the device where the call is `brief`. `launch` is what a call took
        to launch before: the device is held for longer then, which does not count."""
        brief = brief and size <= _MOST_FOLLOWED * self._device_bytes
        try:
            self._bench.write(placed)
            longer = self._bench.hold(launch)
            begin = time.perf_counter()
            reply = self._worker.go(timeout, own_seconds, (lambda: self._bench.follow(size)) if brief else None)
            self._bench.keep(size)
            seconds = time.perf_counter() - begin
            self._worker.pause()
            more = self._bench.settle(_REST_SECONDS) + self._bench.early()
            return max(0.0, seconds - longer) + more, self._bench.seen() if brief else 0.0, reply
        except Busy:
            self._worker.fail(Outcome.TIMED_OUT, f"kernels run on for {_REST_SECONDS:.3g} s after the call")

    def _taken(
        self, number: int, placed: Placed, reply: Reply, size: int
    ) -> tuple[list[torch.Tensor], dict[int, torch.Tensor]]:
        """Outputs and changed arguments of a call, out of the shared memory, which is cleared then: of at least `size`
        bytes of outputs."""
        self._expect(reply)
        end = up(self._end(reply.outputs))
        self._sizes[number] = max(end, self._sizes.get(number, 0))
        taken = [self._bench.taken(output) for output in reply.outputs], self._bench.changed(placed)
        self._last = placed, max(size, end)
        self._bench.clear(placed, max(size, end))
        return taken

    def _end(self, outputs: tuple[Output, ...]) -> int:
        """Where outputs are said to end: inside the room."""
        end = max((output.address + output.span * output.dtype.itemsize for output in outputs), default=0)
        if end > self._bench.room.size:
            self._worker.fail(Outcome.PROTOCOL, f"an output ends at byte {end} of {self._bench.room.size}")
        return end

    def _account(self, taken: int) -> None:
        self._taken_bytes += max(0, taken)
        most = int(_MOST_HELD * self._device_bytes)
        if self._taken_bytes > most:
            what = f"{self._taken_bytes >> 20} MiB of the device's memory, over the limit of {most >> 20} MiB"
            self._worker.fail(Outcome.OUT_OF_MEMORY, what)

    def _reveal(self, place: tuple[int, int], placed: Placed) -> None:
        """Has the worker's model see what is placed there as its arguments."""
        if self._inputs.get(place) is not placed.region:
            self._inputs[place] = placed.region
            self._written.discard(place)
            self._send(Op.BIND, BIND_SECONDS, *place, placed.layout, placed.region.fd)

    def _make_room(self, size: int) -> None:
        self._bench.make_room(size, self)
        if self._room is not self._bench.room:
            self._room = self._bench.room
            self._bench.poison(self._room.size)
            self._send(Op.ROOM, BIND_SECONDS, NULL_MODEL, 0, self._room.size, self._room.fd)

    def _grow(self, number: int, size: float) -> None:
        """Only before the first answer of a model: what is called again has seen its inputs. And only once: it says how
        much it needs."""
        most = int(_MOST_OUTPUTS * self._device_bytes)
        if number in self._sizes or number in self._grown or not self._bench.room.size < size <= most:
            self._worker.fail(Outcome.OUT_OF_MEMORY, f"{size:.0f} bytes of outputs")
        self._grown.add(number)
        self._worker.resume()
        self._make_room(up(int(size)))

    def _full(self, error: Exception) -> NoReturn:
        told = shorten(str(error), _TOLD_CHARACTERS, placeholder=" ...")  # torch goes on to name every process
        self._worker.fail(Outcome.OUT_OF_MEMORY, f"no memory is left on the device: {told}")
