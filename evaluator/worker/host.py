"""Arguments and outputs of a worker on the CPU: they lie in its own memory, where the verifier reads them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from evaluator.protocol.memory import Layout, Region
from evaluator.protocol.records import Output, describe
from evaluator.worker.operators import operator_share


class NoRoom(Exception):
    """Outputs of so many bytes are larger than the room that the verifier gave."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes of outputs")
        self.size = size


class HostMemory:
    """What differs between kinds of devices inside a worker; see `CudaMemory` for another one."""

    device = "cpu"

    def __init__(self) -> None:
        self._outputs: list[torch.Tensor] = []  # of the last call: alive until the next one
        self.launched = 0.0  # seconds until the last timed call was launched, where that is another matter

    def take(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model, where it is to run."""
        return model

    def bind(self, layout: Layout, fd: int) -> list[torch.Tensor]:
        """The tensors of a region that the verifier writes."""
        return layout.views(Region(fd, layout.size))

    def make_room(self, size: int, fd: int) -> None:
        """For outputs that are copied out; here they are not."""

    def warm(self) -> None:
        """Starts what the device needs to be started, before there is a candidate."""

    def timed(self, forward: Callable[..., Any], arguments: list[Any]) -> Any:
        """What `forward` returns; it may not all be computed yet."""
        return forward(*arguments)

    def elapsed(self) -> float:
        """Seconds that the device worked on the last timed call, where it has a clock (else 0), once its outputs are
        delivered."""
        return 0.0

    def warmed(self, forward: Callable[..., Any], arguments: list[Any]) -> float:
        """An untimed call; the seconds until all was launched, where that is another matter than when it returned (else
        0)."""
        forward(*arguments)
        return 0.0

    def operator_share(self, forward: Callable[..., Any], arguments: list[Any]) -> float:
        """The share of a call's time inside torch's own operators."""
        return operator_share(forward, arguments, time.perf_counter, lambda first, second: second - first)

    def null(self) -> list[torch.Tensor]:
        """A forward that computes nothing."""
        return []

    def wait(self) -> None:
        """Until everything is computed."""

    def drop(self) -> None:
        """The last call's outputs."""
        self._outputs = []

    def forget(self) -> None:
        """Whatever it holds beside that, when nothing is bound any more."""

    def deliver(self, tensors: list[torch.Tensor]) -> list[Output]:
        """Where the verifier finds `tensors`, all computed. Raises ValueError for what no record can hold."""
        self._outputs = [_readable(tensor) for tensor in tensors]
        return [describe(tensor) for tensor in self._outputs]

    def show(self, tensors: list[torch.Tensor]) -> list[Output]:
        """The same for what is no output of a forward: buffers."""
        return self.deliver(tensors)


def _readable(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor itself, views too, unless it spans far more memory than it holds: then a dense copy."""
    tensor = tensor.detach()
    if tensor.layout is not torch.strided or not tensor.numel():
        return tensor
    tensor = tensor.resolve_neg()
    span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor if span <= 2 * tensor.numel() else tensor.contiguous()
