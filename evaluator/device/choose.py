"""Which device a machine's hardware is judged on."""

from __future__ import annotations

import os

from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.triton_here import why_no_triton
from evaluator.device.base import Device
from evaluator.device.cpu import CpuDevice
from evaluator.isolation.isolation import Isolation


def threads_of(hardware: Hardware) -> int:
    """CPU threads of a worker."""
    return hardware.cores if hardware.kind == "cpu" else len(os.sched_getaffinity(0))


def device_for(hardware: Hardware, isolation: Isolation) -> Device:
    """Raises UserError where a package for it is missing."""
    if hardware.kind == "cpu":
        return CpuDevice(hardware, isolation)
    if why := why_no_triton():
        raise UserError(f"calls cannot be timed on a GPU: {why}")
    from evaluator.device.cuda import CudaDevice  # starts CUDA in this process

    return CudaDevice(hardware, isolation)
