"""The measurements behind `Ceilings`: medians of several runs, by the GPU's own clock, after a warm-up."""

from __future__ import annotations

import ctypes
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from egg_search.core.hardware import Hardware
from evaluator.roofline.ceilings import Ceilings

_RUNS = 7
_STEADY = 1.2  # the slower runs over the median, at most
_LARGEST, _SIZES = 8192, (8192, 4096, 2048)
_MOST_SECONDS = 0.1  # of one product: a GPU may be slow in float64
_BUFFER, _SMALL_BUFFER = 1 << 30, 64 << 20
_LAUNCHES = 500
_MEMORY_KILOHERTZ, _MEMORY_BITS = 36, 37  # numbers of CUdevice_attribute, from cuda.h


def measure(hardware: Hardware) -> tuple[Ceilings, bool]:
    """Of the current GPU, and whether it was quiet: its runs agreed."""
    spreads: list[float] = []
    copy, read = _bandwidths(spreads)
    with _tf32(False):
        fp32, fp64 = (_products(dtype, spreads) for dtype in (torch.float32, torch.float64))
    with _tf32(True):
        tf32 = _products(torch.float32, spreads)
    bf16 = _products(torch.bfloat16, spreads)
    found = Ceilings(
        copy_bandwidth=copy,
        read_bandwidth=max(copy, read),
        pin_bandwidth=_pin_bandwidth(),
        fp32=fp32,
        tf32=max(fp32, tf32),
        bf16=bf16,
        fp64=fp64,
        launch_us=_launch_seconds() * 1e6,
        multiprocessors=hardware.cores,
        l2_bytes=hardware.l2_bytes,
    )
    torch.cuda.empty_cache()
    return found, max(spreads) < _STEADY


def _bandwidths(spreads: list[float]) -> tuple[float, float]:
    """Bytes a second of a copy (read and written ones together), and of reading alone."""
    free, _ = torch.cuda.mem_get_info()
    size = max(_SMALL_BUFFER, min(_BUFFER, free // 8)) // 16 * 16
    source = torch.zeros(size // 4, device="cuda")
    target, total = torch.empty_like(source), torch.empty((), device="cuda")
    copies = [lambda: target.copy_(source), lambda: torch.neg(source, out=target)]
    reads = [lambda: torch.sum(source, 0, out=total), lambda: torch.amax(source, 0, out=total)]
    copy = max(2 * size / _seconds(run, spreads) for run in copies)
    return copy, max(size / _seconds(run, spreads) for run in reads)


def _products(dtype: torch.dtype, spreads: list[float]) -> float:
    """Flops a second of a square product, the largest that is quick enough and for which there is memory."""
    generator = torch.Generator("cuda").manual_seed(0)
    rate = 0.0
    for size in reversed(_SIZES):
        free, _ = torch.cuda.mem_get_info()
        late = rate and 2 * size**3 / rate > _MOST_SECONDS
        if late or 4 * dtype.itemsize * size**2 > free // 2:
            break
        # Normal values: on constant ones a GPU needs less power and is faster than it is in earnest.
        a, b = (torch.randn(size, size, device="cuda", generator=generator).to(dtype) for _ in range(2))
        out = torch.empty_like(a)
        product = lambda a=a, b=b, out=out: torch.mm(a, b, out=out)  # noqa: E731
        rate = max(rate, 2 * size**3 / _seconds(product, spreads if size == _LARGEST else []))
    return rate


def _launch_seconds() -> float:
    def launches() -> None:
        for _ in range(_LAUNCHES):
            torch.cuda._sleep(0)  # the smallest kernel that torch has

    return _seconds(launches, []) / _LAUNCHES


def _seconds(run: Callable[[], object], spreads: list[float]) -> float:
    """Median of several runs; adds to `spreads` how far the slower ones are from it."""
    for _ in range(2):
        run()
    times = []
    for _ in range(_RUNS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1000)
    median = statistics.median(times)
    spreads.append(statistics.quantiles(times, n=4)[2] / median)
    return median


def _pin_bandwidth() -> float:
    """Bytes a second; 0 where the driver does not say."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0.0
    found = []
    for attribute in (_MEMORY_KILOHERTZ, _MEMORY_BITS):
        value, device = ctypes.c_int(), ctypes.c_int()
        # The first device that is visible to this process is not its current one: ask the context.
        if driver.cuCtxGetDevice(ctypes.byref(device)) or driver.cuDeviceGetAttribute(
            ctypes.byref(value), attribute, device
        ):
            return 0.0
        found.append(value.value)
    return found[0] * 1000 * 2 * found[1] / 8  # both edges of the clock carry data


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
