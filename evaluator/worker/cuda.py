"""Arguments and outputs of a worker on a GPU, where the verifier owns the memory that they lie in; and its clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch

from egg_search.core.problem.outputs import flatten_outputs
from evaluator.device.cuda_memory import DeviceRegion, aligned, up, view, views
from evaluator.lazy import shares
from evaluator.protocol.memory import Layout, tensors_of
from evaluator.protocol.records import DTYPES, MAX_DIMS, Output
from evaluator.worker.host import HostMemory, NoRoom
from evaluator.worker.operators import operator_share

# Taken before a candidate is there. One that finds them anyway gains nothing: the verifier has a clock of its own.
_EVENT, _RECORD = torch._C._CudaEventBase, torch._C._CudaEventBase.record
_ELAPSED = torch._C._CudaEventBase.elapsed_time
_STREAM, _WAIT, _CLOCK = torch.cuda.current_stream, torch.cuda.synchronize, time.perf_counter
_PLAIN = torch.Tensor, torch.nn.Parameter
# How long launching may take where it is watched: so many times what it took before, and more.
_CYCLES_PER_SECOND, _LAUNCH_SECONDS, _LONGEST_LAUNCH, _SLOWER = 2e9, 0.001, 0.1, 2.0


class CudaMemory(HostMemory):
    """Outputs are copied to a region of the verifier's, as part of the call."""

    device = "cuda"

    def __init__(self) -> None:
        super().__init__()
        self._begin()

    def _begin(self) -> None:
        self._room = torch.empty(0, dtype=torch.uint8)
        self._kept: list[torch.Tensor] = []  # the last call's outputs

    def take(self, model: torch.nn.Module) -> torch.nn.Module:
        return model.to("cuda")

    def warm(self) -> None:
        torch.zeros(1, device="cuda")
        self._events = _EVENT(enable_timing=True), _EVENT(enable_timing=True)
        self._mark(0)  # the first use makes them
        _WAIT()

    def bind(self, layout: Layout, fd: int) -> list[torch.Tensor]:
        layout = aligned(layout)
        return views(layout, DeviceRegion.received(fd, layout.size).bytes())

    def make_room(self, size: int, fd: int) -> None:
        self._room = DeviceRegion.received(fd, size).bytes()

    def timed(self, forward: Callable[..., Any], arguments: list[Any]) -> Any:
        """Between events on the current stream. What other streams do shows in the outputs, or on the wall clock."""
        before = _CLOCK()
        self._mark(0)
        result = forward(*arguments)
        self._end(result, arguments)
        self._mark(1)
        self.launched = _CLOCK() - before
        return result

    def elapsed(self) -> float:
        start, end = self._events
        return _ELAPSED(start, end) / 1e3

    def _end(self, result: Any, arguments: list[Any]) -> None:
        """Copies what lies in the memory of an argument, or overlaps, of baselines too: else whoever returns a view
        would leave the work to what delivers outputs, which a null call does as well."""
        tensors = [tensor for tensor in flatten_outputs(result) if type(tensor) in _PLAIN and tensor.is_cuda]
        for tensor, lazy in zip(tensors, shares(tensors, tensors_of(arguments)), strict=True):
            if lazy:
                tensor.clone(memory_format=torch.contiguous_format)

    def warmed(self, forward: Callable[..., Any], arguments: list[Any]) -> float:
        before = _CLOCK()
        forward(*arguments)
        return _CLOCK() - before

    def operator_share(self, forward: Callable[..., Any], arguments: list[Any]) -> float:
        """Of the device's time: all is launched before the device gets to it, so that it does not wait in between."""
        launch = min(_LONGEST_LAUNCH, self.warmed(forward, arguments))
        torch.cuda._sleep(int(_CYCLES_PER_SECOND * (_LAUNCH_SECONDS + _SLOWER * launch)))
        bare = self._event(), self._event()

        def seconds(first: torch.cuda.Event, second: torch.cuda.Event) -> float:
            self.wait()
            return max(0.0, first.elapsed_time(second) - bare[0].elapsed_time(bare[1])) / 1e3

        return operator_share(forward, arguments, self._event, seconds)

    @staticmethod
    def _event() -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _mark(self, which: int) -> None:
        _RECORD(self._events[which], _STREAM())

    def null(self) -> list[torch.Tensor]:
        """The last call's outputs: what remains of a call is then all but its forward."""
        return self._kept

    def wait(self) -> None:
        torch.cuda.synchronize()

    def forget(self) -> None:
        _WAIT()
        self._begin()
        torch.cuda.empty_cache()

    def deliver(self, tensors: list[torch.Tensor]) -> list[Output]:
        """Launches the copies at once: a device that has to wait for them goes to another process. And once more when
        all streams are done: what is other then was never finished. Raises NoRoom when they are too large."""
        try:
            self._put(tensors)
            _WAIT()
            return self._put(tensors)
        finally:
            _WAIT()

    def _put(self, tensors: list[torch.Tensor]) -> list[Output]:
        outputs, end = [], 0
        for tensor in tensors:
            outputs.append(_describe(tensor, end))
            end = up(end + tensor.numel() * tensor.element_size())
        if end > len(self._room):
            raise NoRoom(end)
        for tensor, output in zip(tensors, outputs, strict=True):
            fields = output.address, output.dtype, output.span, output.shape, output.strides
            view(self._room, *fields).copy_(tensor.detach())
        self._kept = tensors
        return outputs

    def show(self, tensors: list[torch.Tensor]) -> list[Output]:
        return super().deliver([tensor.cpu() for tensor in tensors])


def _describe(tensor: torch.Tensor, offset: int) -> Output:
    if tensor.layout is not torch.strided or tensor.dtype not in DTYPES or tensor.device.type != "cuda":
        raise ValueError(f"an output is a {tensor.layout} {tensor.dtype} tensor on {tensor.device}")
    if type(tensor) not in _PLAIN:
        raise ValueError(f"an output is a {type(tensor).__name__}, no plain tensor")
    if tensor.dim() > MAX_DIMS:
        raise ValueError(f"an output has {tensor.dim()} dimensions, more than {MAX_DIMS}")
    shape = tuple(tensor.shape)
    strides = tuple(math.prod(shape[position + 1 :]) for position in range(len(shape)))
    return Output(tensor.dtype, offset, shape, strides)
