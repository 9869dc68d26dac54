"""The kernels of one forward on a GPU, by torch's profiler where it works here, with what compilers say of them."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from evaluator.protocol.records import TEXT_BYTES
from evaluator.roofline.profile import KernelProfile, encode

_CATEGORIES = ("kernel", "gpu_memcpy", "gpu_memset")
# CUDA's occupancy calculator: a warp's registers come in units, and each block has shared memory that it does not see.
_REGISTER_UNIT, _RESERVED_SHARED, _MOST_BLOCKS = 256, 1024, 32
_DEPTH = 3  # of containers in which a candidate may keep its kernels


def kernels_of(forward: Callable[..., Any], arguments: list[Any]) -> str:
    """Of one call that begins with cold caches, as `profile.parse` reads it: not the first one. Empty where there is no
    GPU, or nothing to tell, whatever the reason."""
    if not torch.cuda.is_initialized():
        return ""
    traced: list[KernelProfile] = []
    with suppress(Exception):
        traced = from_trace(_trace(lambda: forward(*arguments)), torch.cuda.get_device_properties())
    known = {kernel.name: kernel for kernel in compiled(_candidates())}
    merged = [_with(kernel, known.get(kernel.name)) for kernel in traced] or list(known.values())
    return encode(merged, TEXT_BYTES) if merged else ""


def _trace(forward: Callable[[], Any]) -> dict[str, Any]:
    """What the profiler wrote: one forward's events. (`torch.profiler` would import torch's compiler first.)"""
    _cool()
    with torch.autograd.profiler.profile(use_device="cuda", use_cpu=False, use_kineto=True) as profiler:
        forward()
        torch.cuda.synchronize()
    handle, path = tempfile.mkstemp(suffix=".json")
    os.close(handle)
    try:
        profiler.export_chrome_trace(path)
        with open(path) as file:
            return json.load(file)
    finally:
        os.unlink(path)


def _cool() -> None:
    """Other data into the L2 cache."""
    size = 2 * torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    torch.zeros(size, dtype=torch.uint8, device="cuda")
    torch.cuda.synchronize()


def from_trace(trace: dict[str, Any], device: Any = None) -> list[KernelProfile]:
    """One record a kernel and grid, of a Chrome trace that Kineto wrote (its times are microseconds). `device` are
    torch's properties of it."""
    found: dict[Any, KernelProfile] = {}
    for event in trace["traceEvents"]:
        if event.get("cat") in _CATEGORIES and event.get("ph") == "X":
            kernel = _kernel(event, device)
            same = found.get(key := (kernel.name, kernel.grid, kernel.block))
            time = kernel.microseconds + (same.microseconds if same else 0.0)
            found[key] = replace(kernel, microseconds=time, launches=1 + (same.launches if same else 0))
    return list(found.values())


def _kernel(event: dict[str, Any], device: Any) -> KernelProfile:
    told = event.get("args", {})
    grid, block = (tuple(told[name]) if len(told.get(name, ())) == 3 else None for name in ("grid", "block"))
    registers, shared = told.get("registers per thread"), told.get("shared memory")
    known = device is not None and None not in (grid, block, registers, shared)
    return KernelProfile(
        name=event["name"],
        microseconds=float(event.get("dur", 0.0)),
        launches=1,
        grid=grid,
        block=block,
        registers=registers,
        shared_bytes=shared,
        occupancy=occupancy(math.prod(grid), math.prod(block), registers, shared, device) if known else None,
    )


def occupancy(blocks: int, threads: int, registers: int, shared: int, device: Any) -> float:
    """The share of a multiprocessor's warps that may be there at once. (Kineto's own estimate takes a block to have no
    more shared memory than it has without asking, and is 0 beyond.)"""
    warps, most = math.ceil(threads / 32), device.max_threads_per_multi_processor // 32
    by_registers = device.regs_per_multiprocessor // (_REGISTER_UNIT * math.ceil(32 * registers / _REGISTER_UNIT) or 1)
    fit = min(
        most // warps,
        by_registers // warps,
        device.shared_memory_per_multiprocessor // (shared + _RESERVED_SHARED),
        _MOST_BLOCKS,
        math.ceil(blocks / device.multi_processor_count),
    )
    return max(1, fit) * warps / most


def _with(kernel: KernelProfile, compiled: KernelProfile | None) -> KernelProfile:
    """The traced kernel, with what only its compiler knows."""
    if compiled is None:
        return kernel
    shared = kernel.shared_bytes if kernel.shared_bytes is not None else compiled.shared_bytes
    registers = kernel.registers if kernel.registers is not None else compiled.registers
    return replace(kernel, local_bytes=compiled.local_bytes, shared_bytes=shared, registers=registers)


def compiled(namespaces: Iterable[dict[str, Any]]) -> Iterator[KernelProfile]:
    """The kernels of Triton and CuPy in `namespaces` that have been loaded, without times."""
    for value in (each for names in namespaces for each in _values(list(names.values()), _DEPTH)):
        with suppress(Exception):  # a candidate may call anything a kernel
            if hasattr(value, "device_caches"):
                yield from _of_triton(value)
            elif type(value).__module__.startswith("cupy") and hasattr(value, "local_size_bytes"):
                yield KernelProfile(
                    value.name,
                    0.0,
                    0,
                    registers=value.num_regs,
                    shared_bytes=value.shared_size_bytes,
                    local_bytes=value.local_size_bytes,
                )


def _of_triton(function: Any) -> Iterator[KernelProfile]:
    """The variants of one jitted function. Triton counts what is spilled in words of four bytes."""
    for caches in list(function.device_caches.values()):
        for kernel in list(caches[0].values()):
            if getattr(kernel, "function", None) is not None:
                spilled, shared = 4 * kernel.n_spills, kernel.metadata.shared
                yield KernelProfile(
                    kernel.name, 0.0, 0, registers=kernel.n_regs, shared_bytes=shared, local_bytes=spilled
                )


def _values(values: Iterable[Any], depth: int) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict) and depth:
            yield from _values(list(value.values()), depth - 1)
        elif isinstance(value, (list, tuple)) and depth:
            yield from _values(value, depth - 1)
        elif hasattr(value, "fn") and not hasattr(value, "device_caches"):  # an autotuner's or heuristics' wrapper
            yield value.fn
        else:
            yield value


def _candidates() -> list[dict[str, Any]]:
    return [vars(module) for name, module in list(sys.modules.items()) if name.startswith("egg_candidate_")]
