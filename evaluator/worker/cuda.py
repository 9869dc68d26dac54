"""Arguments and outputs of a worker on a GPU: the verifier owns the memory that they lie in."""

from __future__ import annotations

import math

import torch

from evaluator.device.cuda_memory import DeviceRegion, aligned, up, view, views
from evaluator.protocol.memory import Layout
from evaluator.protocol.records import DTYPES, MAX_DIMS, Output
from evaluator.worker.host import HostMemory, NoRoom


class CudaMemory(HostMemory):
    """Outputs are copied to a region of the verifier's, as part of the call."""

    def __init__(self) -> None:
        super().__init__()
        self._room = self._spare = torch.empty(0, dtype=torch.uint8)
        self._delivered = 0  # bytes of the last call's outputs

    def take(self, model: torch.nn.Module) -> torch.nn.Module:
        return model.to("cuda")

    def bind(self, layout: Layout, fd: int) -> list[torch.Tensor]:
        layout = aligned(layout)
        return views(layout, DeviceRegion.received(fd, layout.size).bytes())

    def make_room(self, size: int, fd: int) -> None:
        """For outputs of `size` bytes; as many behind it are what a null call copies from."""
        region = DeviceRegion.received(fd, 2 * size).bytes()
        self._room, self._spare = region[:size], region[size:]

    def null(self) -> None:
        """Copies as many bytes as the last call's outputs: what remains of a call without its forward."""
        self._room[: self._delivered].copy_(self._spare[: self._delivered])

    def wait(self) -> None:
        torch.cuda.synchronize()

    def deliver(self, tensors: list[torch.Tensor]) -> list[Output]:
        """Raises NoRoom when they are too large."""
        outputs, end = [], 0
        for tensor in tensors:
            outputs.append(_describe(tensor, end))
            end = up(end + tensor.numel() * tensor.element_size())
        if end > len(self._room):
            raise NoRoom(end)
        for tensor, output in zip(tensors, outputs, strict=True):
            fields = output.address, output.dtype, output.span, output.shape, output.strides
            view(self._room, *fields).copy_(tensor.detach())
        torch.cuda.synchronize()
        self._delivered = end or self._delivered
        return outputs

    def show(self, tensors: list[torch.Tensor]) -> list[Output]:
        return super().deliver([tensor.cpu() for tensor in tensors])


def _describe(tensor: torch.Tensor, offset: int) -> Output:
    if tensor.layout is not torch.strided or tensor.dtype not in DTYPES or tensor.device.type != "cuda":
        raise ValueError(f"an output is a {tensor.layout} {tensor.dtype} tensor on {tensor.device}")
    if tensor.dim() > MAX_DIMS:
        raise ValueError(f"an output has {tensor.dim()} dimensions, more than {MAX_DIMS}")
    shape = tuple(tensor.shape)
    strides = tuple(math.prod(shape[position + 1 :]) for position in range(len(shape)))
    return Output(tensor.dtype, offset, shape, strides)
