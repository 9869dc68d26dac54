"""The verifier's own work on a GPU around each call: inputs in, a cold cache, a device at rest, outputs out."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch

from evaluator.device.cpu import SLOTS
from evaluator.device.cuda_hold import hold_seconds
from evaluator.device.cuda_memory import DeviceRegion, aligned, forget_persisting_lines, view, views
from evaluator.device.cuda_room import Room
from evaluator.device.cuda_turn import Turn
from evaluator.protocol.memory import Layout, layout_of, same_bytes, tensors_of
from evaluator.protocol.records import Output

_BUSY_FACTOR, _BUSY_SECONDS = 3.0, 0.0003  # a probe that takes longer than usual by that had to wait for others
_PROBES = 3  # without a pause: whose turn it is changes every few milliseconds, and as soon as we do nothing
_CALIBRATION = 50
_AWAKE_SECONDS = 0.003  # longer than a turn
_DISTURBANCES = 200  # a spare worker that starts is some of it
_DECOYS = 3  # at the most: what waits for the inputs to change is answered by something else
_POISON = 0xFF  # NaN in every floating-point type
_IDLE_BYTES = 512 << 20  # that torch may hold for later when a worker has gone
_MOST_LAYOUTS = 6  # whose slots are kept: those of the problem's shapes


class Busy(Exception):
    """The device does not come to rest."""


@dataclass(frozen=True)
class Placed:
    """Arguments, and where they will lie when a call sees them."""

    arguments: list[Any]
    layout: Layout
    region: DeviceRegion


class Bench:
    """Of the current device. `l2_bytes` is the size of its cache. One thread at a time, which has the `lock` where
    there are others.

    The memory that arguments and outputs lie in belongs to it, and all workers share it: one worker runs at a time, and
    between calls there are neither fresh inputs in it nor anybody's outputs.
    """

    def __init__(self, l2_bytes: int) -> None:
        self.lock = threading.Lock()
        self._cold = torch.zeros(2 * l2_bytes, dtype=torch.uint8, device="cuda")
        self._slots: dict[str, tuple[list[DeviceRegion], list[Any]]] = {}
        # Outputs as they were at the reply, and behind the worker's turn.
        self._kept = self._followed = torch.empty(0, dtype=torch.uint8, device="cuda")
        self._room = Room()
        self.poison(self.room.size)
        self._usual = min(self._probe() for _ in range(_CALIBRATION))
        self._turn = Turn(self._cold)

    def slot(self, arguments: list[Any], index: int) -> Placed:
        """Arguments of one form lie in the same slots. Between calls the first ones that were ever there are there
        again."""
        layout = aligned(layout_of(arguments))
        key = repr(layout.placements)
        if key not in self._slots:
            while len(self._slots) >= _MOST_LAYOUTS:
                del self._slots[next(iter(self._slots))]
            self._slots[key] = [], arguments
        regions, first = self._slots[key]
        while len(regions) < SLOTS:
            regions.append(DeviceRegion.create(layout.size))
            _copy(Placed(first, layout, regions[-1]))
        return Placed(arguments, layout, regions[index])

    @property
    def room(self) -> DeviceRegion:
        """Where outputs lie."""
        return self._room.region

    def make_room(self, size: int, user: object) -> None:
        """For `user`'s outputs of so many bytes."""
        if self._room.make(size, user):
            self.poison(self.room.size)

    def leave(self, user: object) -> None:
        """Gives back what only `user` needed of the device's memory, be it that its outputs were copied."""
        self._kept = self._followed = self._kept[:0].clone()
        if self._room.leave(user):
            self.poison(self.room.size)
        if idle_bytes() > _IDLE_BYTES:
            torch.cuda.empty_cache()

    def write(self, placed: Placed) -> None:
        """Proves that nobody else runs, and queues the writing of the arguments. Raises Busy."""
        forget_persisting_lines()
        self._watch()
        for _ in range(secrets.randbelow(_DECOYS + 1)):
            _copy_turned(placed)
        torch.cuda.synchronize()
        _copy(placed)
        self._turn.written()

    def hold(self, launch: float = 0.0) -> float:
        """Keeps the device for a while, in which a worker that goes on launches what it likes, and nothing of it runs:
        a process that was stopped launches slowly, and how slowly says nothing of a loop of calls. Then empties the
        cache. `launch` is what a call took to launch before. Returns by how much that is longer than a null call's,
        nominally: what it really took, kernels of the worker could lengthen."""
        usual, seconds = hold_seconds(), hold_seconds(launch)
        self._turn.begin(seconds)
        return seconds - usual

    def follow(self, size: int) -> None:
        """While a worker that was held up goes on: behind its turn comes a copy of the first `size` bytes of the
        room."""
        with suppress(torch.OutOfMemoryError):
            self._turn.follow(lambda: self._follow(size))

    def seen(self) -> float:
        """Seconds of the worker's turn on the device, with what is beside its work. 0 where that cannot be trusted, or
        the room was not behind it as it was kept; then it was not all there, or there is nothing to see."""
        followed, self._followed = self._followed, self._followed[:0]
        if not 0 < len(followed) == len(self._kept):
            return 0.0
        try:
            return self._turn.seconds() if torch.equal(followed, self._kept) else 0.0
        except torch.OutOfMemoryError:
            return 0.0

    def early(self) -> float:
        """Seconds of a call that somebody may have had the device for before the worker went on. All has run."""
        return self._turn.early()

    def copy_seconds(self, size: int) -> float:
        """That copying so many bytes takes."""
        return 2 * size / self._turn.bytes_per_second

    @property
    def alone(self) -> float:
        """Seconds that are seen where nobody has a turn."""
        return self._turn.alone

    def _follow(self, size: int) -> None:
        self._followed = self.room.bytes()[:size].clone()

    def clear(self, placed: Placed, outputs: int) -> None:
        """After a call: puts old inputs where the fresh ones were, and poison in `outputs` bytes of the room."""
        known = self._slots.get(repr(placed.layout.placements))
        _copy(replace(placed, arguments=known[1]) if known else placed)
        self.poison(outputs)

    def poison(self, size: int) -> None:
        """Nothing of earlier outputs is left in the first `size` bytes of the room."""
        self.room.bytes()[:size].fill_(_POISON)

    def keep(self, size: int) -> None:
        """Copies the first `size` bytes of the room, as they are now: what comes later is not part of a call."""
        self._kept = self.room.bytes()[:size].clone()
        torch.cuda.synchronize()

    def taken(self, output: Output) -> torch.Tensor:
        """An output, as it was kept."""
        if output.address + output.span * output.dtype.itemsize > len(self._kept):  # more than were expected
            self.keep(self.room.size)
        fields = output.dtype, output.span, output.shape, output.strides
        return view(self._kept, output.address, *fields)

    @staticmethod
    def changed(placed: Placed) -> dict[int, torch.Tensor]:
        """The arguments' tensors, by position, that are not as they were written, as they are now."""
        pairs = enumerate(_pairs(placed))
        return {position: now.clone() for position, (now, given) in pairs if not same_bytes(now, given)}

    def settle(self, patience: float) -> float:
        """Seconds until nobody else uses the device, beyond those that it takes to see that. Raises Busy after
        `patience` seconds."""
        begin, quiet, probes = time.perf_counter(), 0, 0
        while quiet < _PROBES:
            quiet, probes = (quiet + 1 if self._quick() else 0), probes + 1
            if time.perf_counter() - begin > patience:
                raise Busy
        return max(0.0, time.perf_counter() - begin - _PROBES * self._usual)

    def _watch(self) -> None:
        """Before a clock starts: for longer than a turn nobody else has one, so no kernel of a stopped worker waits for
        what will be written. It also wakes the device, whose own clock is slow after a rest."""
        end, disturbed = time.perf_counter() + _AWAKE_SECONDS, 0
        while time.perf_counter() < end:
            if not self._quick():
                end, disturbed = time.perf_counter() + _AWAKE_SECONDS, disturbed + 1
                if disturbed > _DISTURBANCES:
                    raise Busy

    def _quick(self) -> bool:
        return self._probe() <= _BUSY_FACTOR * self._usual + _BUSY_SECONDS

    def _probe(self) -> float:
        """Seconds that the smallest piece of work takes: long when kernels of another process have to make way."""
        begin = time.perf_counter()
        self._cold[:8].zero_()
        torch.cuda.synchronize()
        return time.perf_counter() - begin


def reserved_bytes(kind: str = "reserved_bytes") -> int:
    """That torch holds in this process. (`memory_reserved` takes milliseconds.)"""
    return torch._C._cuda_memoryStats(torch.cuda.current_device())[kind]["all"]["current"]


def free_bytes() -> int:
    """Of the device, and what torch keeps for itself in this process."""
    return torch.cuda.mem_get_info()[0] + reserved_bytes()


def idle_bytes() -> int:
    """That torch holds, and nobody uses."""
    return reserved_bytes() - reserved_bytes("allocated_bytes")


def _pairs(placed: Placed) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return zip(views(placed.layout, placed.region.bytes()), tensors_of(placed.arguments), strict=True)


def _copy(placed: Placed) -> None:
    for target, tensor in _pairs(placed):
        target.copy_(tensor)


def _copy_turned(placed: Placed) -> None:
    """The same values at other places: of the right kind, and of no use."""
    for target, tensor in _pairs(placed):
        if tensor.numel() > 1:
            by = 1 + secrets.randbelow(tensor.numel() - 1)
            if target.is_contiguous() and tensor.is_contiguous():  # in one go: they may be gigabytes
                there, here = target.view(-1), tensor.view(-1)
                there[by:], there[:by] = here[:-by], here[-by:]
            else:
                target.copy_(tensor.roll(by))
