"""The verifier's own work on a GPU around each call: inputs in, a cold cache, a device at rest, outputs out."""

from __future__ import annotations

import time
from typing import Any

import torch

from evaluator.device.cuda_memory import DeviceRegion, aligned, forget_persisting_lines, view, views
from evaluator.protocol.memory import Layout, layout_of, same_bytes, tensors_of
from evaluator.protocol.records import Output

SLOTS = 2  # places that arguments may lie in: an address that was remembered is the wrong one half of the time
_BUSY_FACTOR, _BUSY_SECONDS = 3.0, 0.0003  # a probe that takes longer than usual by that had to wait for others
_PROBES = 3  # without a pause: whose turn it is changes every few milliseconds, and as soon as we do nothing
_CALIBRATION = 50
_AWAKE_SECONDS = 0.003  # longer than a turn
_DISTURBANCES = 200  # a spare worker that starts is some of it
_POISON = 0xFF  # NaN in every floating-point type
_MOST_LAYOUTS = 6  # whose slots are kept: those of the problem's shapes


class Busy(Exception):
    """The device does not come to rest."""


class Bench:
    """Of the current device. `l2_bytes` is the size of its cache. One thread at a time.

    The memory that arguments and outputs lie in belongs to it, and all workers share it: one worker runs at a time, and
    before each call inputs are written anew and what outputs are written to is poisoned.
    """

    def __init__(self, l2_bytes: int) -> None:
        self._cold = torch.zeros(2 * l2_bytes, dtype=torch.uint8, device="cuda")
        self._slots: dict[str, tuple[Layout, list[DeviceRegion]]] = {}
        self.room = DeviceRegion.create(1)
        self._usual = min(self._probe() for _ in range(_CALIBRATION))

    def slot(self, arguments: list[Any], index: int) -> tuple[Layout, DeviceRegion]:
        """Where arguments of this form lie."""
        layout = aligned(layout_of(arguments))
        key = repr(layout.placements)
        if key not in self._slots:
            while len(self._slots) >= _MOST_LAYOUTS:
                del self._slots[next(iter(self._slots))]
            self._slots[key] = layout, [DeviceRegion.create(layout.size) for _ in range(SLOTS)]
        return layout, self._slots[key][1][index]

    def make_room(self, size: int) -> None:
        """For outputs of so many bytes."""
        if self.room.size < size:
            self.room = DeviceRegion.create(size)

    def write(self, layout: Layout, region: DeviceRegion, arguments: list[Any], outputs: int) -> None:
        """Proves that nobody else runs; writes the arguments, poisons `outputs` bytes of the room, and empties the
        cache. Raises Busy."""
        forget_persisting_lines()
        self._watch()
        for target, tensor in zip(views(layout, region.bytes()), tensors_of(arguments), strict=True):
            target.copy_(tensor)
        self.room.bytes()[:outputs].fill_(_POISON)
        self._cold.view(torch.int64).sum()
        torch.cuda.synchronize()

    def taken(self, output: Output) -> torch.Tensor:
        """A copy of an output in the room."""
        fields = output.dtype, output.span, output.shape, output.strides
        return view(self.room.bytes(), output.address, *fields).clone()

    @staticmethod
    def changed(layout: Layout, region: DeviceRegion, arguments: list[Any]) -> dict[int, torch.Tensor]:
        """The arguments' tensors, by position, that are not as they were written, as they are now."""
        pairs = enumerate(zip(views(layout, region.bytes()), tensors_of(arguments), strict=True))
        return {position: now.clone() for position, (now, given) in pairs if not same_bytes(now, given)}

    def settle(self, patience: float) -> float:
        """Seconds until nobody else uses the device; 0 when nobody does. Raises Busy after `patience` seconds."""
        begin, quiet, waited = time.perf_counter(), 0, False
        while quiet < _PROBES:
            if self._quick():
                quiet += 1
                continue
            quiet, waited = 0, True
            if time.perf_counter() - begin > patience:
                raise Busy
        return time.perf_counter() - begin if waited else 0.0

    def _watch(self) -> None:
        """Before a clock starts: for longer than a turn nobody else has one, so no kernel of a stopped worker waits for
        what will be written. It also wakes the device, whose own clock is slow after a rest."""
        end = time.perf_counter() + _AWAKE_SECONDS
        disturbed = 0
        while time.perf_counter() < end:
            if not self._quick():
                disturbed += 1
                end = time.perf_counter() + _AWAKE_SECONDS
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
