"""Tensors in memory that two processes share (memfd), and trusted payloads for a worker."""

from __future__ import annotations

import fcntl
import mmap
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

# Tensors start on a cache line, and not all at the same offset in a page (equal offsets alias in the L1 cache).
_ALIGN, _STAGGER = 64, 4096 + 5 * 64


@dataclass(frozen=True)
class Placement:
    """One tensor inside a region: byte offset; shape and strides in elements."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    @property
    def span(self) -> int:
        if 0 in self.shape:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))

    @property
    def end(self) -> int:
        return self.offset + self.span * self.dtype.itemsize

    def view(self, region: Region) -> torch.Tensor:
        if not self.span:
            return torch.empty(self.shape, dtype=self.dtype)
        flat = torch.frombuffer(region.map, dtype=self.dtype, count=self.span, offset=self.offset)
        return flat.as_strided(self.shape, self.strides)


class Region:
    """A mapped memfd. It closes when it is collected (tensors over it keep the mapping alive)."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd, self.size = fd, size
        self.map = mmap.mmap(fd, max(size, 1))

    @classmethod
    def create(cls, size: int) -> Region:
        fd = os.memfd_create("egg", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, max(size, 1))
        # A mapping whose file was cut short would kill whoever touches it: neither side can resize it any more.
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return cls(fd, size)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    __del__ = close


@dataclass(frozen=True)
class Slot:
    """Stands for tensor number `index` inside a tree of arguments."""

    index: int


@dataclass(frozen=True)
class Layout:
    """How a tree of arguments lies in a region: the tree with `Slot`s for tensors, and where each tensor is."""

    template: Any
    placements: tuple[Placement, ...]

    @property
    def size(self) -> int:
        return max((placement.end for placement in self.placements), default=0)

    def views(self, region: Region) -> list[torch.Tensor]:
        return [placement.view(region) for placement in self.placements]

    def fill(self, tensors: Sequence[torch.Tensor]) -> Any:
        """The tree of arguments with `tensors` in their places."""
        return tree_map(lambda leaf: tensors[leaf.index] if isinstance(leaf, Slot) else leaf, self.template)


def tensors_of(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def layout_of(tree: Any) -> Layout:
    """Strides are kept where the tensor is dense; other tensors (expanded, sliced) become contiguous."""
    placements = tuple(_place(tensors_of(tree)))
    counter = iter(range(len(placements)))
    template = tree_map(lambda leaf: Slot(next(counter)) if isinstance(leaf, torch.Tensor) else leaf, tree)
    return Layout(template, placements)


def _place(tensors: Sequence[torch.Tensor]) -> Iterator[Placement]:
    offset = 0
    for tensor in tensors:
        strides = torch.empty_like(tensor, device="meta").stride()  # preserve_format: dense strides stay
        placement = Placement(tensor.dtype, tuple(tensor.shape), strides, offset)
        yield placement
        offset = (placement.end + _STAGGER + _ALIGN - 1) // _ALIGN * _ALIGN


def same_bytes(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Equal as bytes, so that a NaN equals itself. The form must be the same."""
    if first.is_floating_point():
        integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[first.element_size()]
        first, second = first.view(integer), second.view(integer)
    return torch.equal(first, second)


def payload(value: Any) -> int:
    """A new memfd that holds `value`, pickled: for the trusted direction, verifier to worker, only."""
    data = pickle.dumps(value)
    fd = os.memfd_create("egg-payload", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    return fd


def read_payload(fd: int) -> Any:
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    return pickle.loads(data)
