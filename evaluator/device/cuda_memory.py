"""Device memory that processes share: allocations of the driver's virtual memory interface, which travel as file
descriptors. (CUDA's older way of sharing needs processes that see each other.)"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from evaluator.protocol.memory import Layout

_ALIGN = 512  # as torch's own allocations are
_PINNED = _BY_DESCRIPTOR = _ON_DEVICE = 1
_READ_WRITE = 3
_OUT_OF_MEMORY = 2  # of CUresult


class _Location(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("device", ctypes.c_int)]


class _Properties(ctypes.Structure):
    """CUmemAllocationProp of cuda.h."""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("handles", ctypes.c_int),
        ("location", _Location),
        ("windows", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
    ]


class _Access(ctypes.Structure):
    _fields_ = [("location", _Location), ("flags", ctypes.c_int)]


class DeviceMemoryError(RuntimeError):
    """No memory is left on the device."""


class DeviceRegion:
    """Mapped memory of the current device, at least `size` bytes. It is unmapped when it is collected; tensors over it
    keep it alive. Nothing on the device may use it then."""

    def __init__(self, handle: int, size: int) -> None:
        """Maps the allocation `handle`, and lets go of it: the mapping keeps it."""
        self.size, self._span = size, _rounded(size)
        self._address = ctypes.c_uint64()
        try:
            _call("cuMemAddressReserve", ctypes.byref(self._address), _size(self._span), _size(0), _long(0), _long(0))
            _call("cuMemMap", self._address, _size(self._span), _size(0), _long(handle), _long(0))
            access = _Access(_here(), _READ_WRITE)
            _call("cuMemSetAccess", self._address, _size(self._span), ctypes.byref(access), _size(1))
        finally:
            _call("cuMemRelease", _long(handle))

    @classmethod
    def create(cls, size: int) -> DeviceRegion:
        handle = ctypes.c_uint64()
        _call("cuMemCreate", ctypes.byref(handle), _size(_rounded(size)), ctypes.byref(_properties()), _long(0))
        descriptor = ctypes.c_int()
        _call("cuMemExportToShareableHandle", ctypes.byref(descriptor), handle, _BY_DESCRIPTOR, _long(0))
        region = cls(handle.value, size)
        region.fd = descriptor.value
        return region

    @classmethod
    def received(cls, fd: int, size: int) -> DeviceRegion:
        """Of another process's region, which sent its `fd`; `fd` is closed."""
        handle = ctypes.c_uint64()
        try:
            _call("cuMemImportFromShareableHandle", ctypes.byref(handle), ctypes.c_void_p(fd), _BY_DESCRIPTOR)
        finally:
            os.close(fd)
        return cls(handle.value, size)

    fd = -1  # of a region that was created here

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": (self._span,), "typestr": "|u1", "data": (self._address.value, False), "version": 3}

    def bytes(self) -> torch.Tensor:
        return torch.as_tensor(self, device="cuda")[: self.size]

    def __del__(self) -> None:
        with suppress(Exception):  # at the interpreter's end the driver may be gone
            if self.fd >= 0:
                os.close(self.fd)
            _call("cuMemUnmap", self._address, _size(self._span))
            _call("cuMemAddressFree", self._address, _size(self._span))


def aligned(layout: Layout) -> Layout:
    """The same tensors, as far apart as torch's allocations on a device would be."""
    placements, offset = [], 0
    for placement in layout.placements:
        placements.append(replace(placement, offset=offset))
        offset = up(placements[-1].end)
    return Layout(layout.template, tuple(placements))


def up(offset: int) -> int:
    """The next offset at which a tensor may start."""
    return -(-offset // _ALIGN) * _ALIGN


def views(layout: Layout, memory: torch.Tensor) -> list[torch.Tensor]:
    """The tensors of an aligned layout in `memory` (bytes)."""
    return [view(memory, each.offset, each.dtype, each.span, each.shape, each.strides) for each in layout.placements]


def view(
    memory: torch.Tensor,
    offset: int,
    dtype: torch.dtype,
    span: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
) -> torch.Tensor:
    if not span:
        return torch.empty(shape, dtype=dtype, device=memory.device)
    flat = memory[offset : offset + span * dtype.itemsize].view(dtype)
    return flat.as_strided(shape, strides)


def forget_persisting_lines() -> None:
    """Lines of the L2 cache that some process asked to keep there are as good as others from now on."""
    _call("cuCtxResetPersistingL2Cache")


@cache
def _driver() -> ctypes.CDLL:
    torch.cuda.init()
    return ctypes.CDLL("libcuda.so.1")


def _call(name: str, *arguments: Any) -> None:
    driver = _driver()
    torch.cuda.set_device(torch.cuda.current_device())  # makes the context this thread's
    status = getattr(driver, name)(*arguments)
    if status == _OUT_OF_MEMORY:
        raise DeviceMemoryError(f"{name}: out of memory")
    if status:  # this process's own context is lost, or misused
        raise RuntimeError(f"CUDA error: {name}: status {status}")


def _rounded(size: int) -> int:
    granularity = ctypes.c_size_t()
    _call("cuMemGetAllocationGranularity", ctypes.byref(granularity), ctypes.byref(_properties()), 0)
    return -(-max(size, 1) // granularity.value) * granularity.value


def _properties() -> _Properties:
    return _Properties(_PINNED, _BY_DESCRIPTOR, _here(), None, 0)


def _here() -> _Location:
    return _Location(_ON_DEVICE, torch.cuda.current_device())


_size, _long = ctypes.c_size_t, ctypes.c_uint64
