"""The verifier's own work on a GPU around each call: inputs in, a cold cache, outputs out, and nothing left running."""

from __future__ import annotations

import time
from typing import Any

import torch

from evaluator.device.cuda_memory import aligned, forget_persisting_lines, view, views
from evaluator.protocol.memory import Layout, layout_of, same_bytes, tensors_of
from evaluator.protocol.records import Output

_BUSY_FACTOR, _BUSY_SECONDS = 3.0, 0.0003  # a probe that takes longer than usual by that had to wait for others
_PROBES = 3  # without a pause: whose turn it is changes every few milliseconds, and as soon as we do nothing
_CALIBRATION = 50
_AWAKE_SECONDS = 0.003


class Busy(Exception):
    """The device does not come to rest."""


class Bench:
    """Of the current device. `l2_bytes` is the size of its cache. One thread at a time."""

    def __init__(self, l2_bytes: int) -> None:
        self._cold = torch.zeros(2 * l2_bytes, dtype=torch.uint8, device="cuda")
        self._copy = torch.empty(0, dtype=torch.uint8, device="cuda")
        self._staged: tuple[Any, Layout, torch.Tensor] | None = None
        self._usual = min(self._probe() for _ in range(_CALIBRATION))

    def stage(self, arguments: list[Any]) -> tuple[Layout, torch.Tensor]:
        """The arguments on the device, as bytes, where no worker sees them; those of the last call are kept."""
        if self._staged is None or self._staged[0] is not arguments:
            self._staged = None
            layout = aligned(layout_of(arguments))
            staged = torch.zeros(layout.size, dtype=torch.uint8, device="cuda")
            for target, tensor in zip(views(layout, staged), tensors_of(arguments), strict=True):
                target.copy_(tensor)
            torch.cuda.synchronize()
            self._staged = arguments, layout, staged
        return self._staged[1:]

    def staged_like(self, arguments: list[Any], size: int) -> torch.Tensor:
        """Those of the last call, if they have `size` bytes; else `arguments`."""
        if self._staged is not None and len(self._staged[2]) == size:
            return self._staged[2]
        return self.stage(arguments)[1]

    def wake(self) -> None:
        """Before a clock starts: the device's own clock is slow after a rest, and lines in the cache are all alike."""
        forget_persisting_lines()
        end = time.perf_counter() + _AWAKE_SECONDS
        while time.perf_counter() < end:
            self._probe()

    def cool(self, warm: torch.Tensor | None = None) -> None:
        """Reads twice the L2 cache's size, so that nothing else is in it; `warm` last, which then is."""
        size = 0 if warm is None else min(len(warm), len(self._cold))
        size = size // 8 * 8
        rest = self._cold[: len(self._cold) - size]
        last = self._cold[len(self._cold) - size :] if warm is None else warm[: len(warm) // 8 * 8]
        for part in (rest, last):
            part.view(torch.int64).sum()

    def reserve(self, size: int) -> None:
        """Room for a copy of so many bytes."""
        if len(self._copy) < size:
            self._copy = torch.empty(size, dtype=torch.uint8, device="cuda")

    def keep(self, room: torch.Tensor) -> None:
        """Copies `room`; returns when that is done."""
        self._copy[: len(room)].copy_(room)
        torch.cuda.synchronize()

    def kept(self, output: Output) -> torch.Tensor:
        """An output among what was kept, on the CPU."""
        fields = output.dtype, output.span, output.shape, output.strides
        return view(self._copy, output.address, *fields).cpu()

    @staticmethod
    def changed(layout: Layout, before: torch.Tensor, after: torch.Tensor) -> dict[int, torch.Tensor]:
        """The tensors of a layout, by position, that differ, as they are after."""
        pairs = enumerate(zip(views(layout, before), views(layout, after), strict=True))
        return {position: new.cpu() for position, (old, new) in pairs if not same_bytes(old, new)}

    def settle(self, patience: float) -> float:
        """Seconds until nobody else uses the device; 0 when nobody does. Raises Busy after `patience` seconds."""
        begin, quiet, waited = time.perf_counter(), 0, False
        while quiet < _PROBES:
            if self._probe() <= _BUSY_FACTOR * self._usual + _BUSY_SECONDS:
                quiet += 1
                continue
            quiet, waited = 0, True
            if time.perf_counter() - begin > patience:
                raise Busy
        return time.perf_counter() - begin if waited else 0.0

    def _probe(self) -> float:
        """Seconds that the smallest piece of work takes: long when kernels of another process have to make way."""
        begin = time.perf_counter()
        self._cold[:8].zero_()
        torch.cuda.synchronize()
        return time.perf_counter() - begin
