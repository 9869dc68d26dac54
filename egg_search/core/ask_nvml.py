"""Run as a program: prints what NVML says of the first GPU that this process may use: its number, the bytes that
processes hold on it, and how much of the time it was busy lately (percent); fails where NVML does not say. Makes no
context, so that nothing of what it prints is its own."""

from __future__ import annotations

import ctypes
import json
import sys

_BUS_ID_BYTES = 32


class _Memory(ctypes.Structure):
    """nvmlMemory_v2_t of nvml.h: unlike the first version it counts apart what the driver keeps for itself."""

    _fields_ = [
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    ]


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


def main() -> None:
    bus_id = _bus_id(ctypes.CDLL("libcuda.so.1"))
    nvml, device, number = ctypes.CDLL("libnvidia-ml.so.1"), ctypes.c_void_p(), ctypes.c_uint()
    memory = _Memory(version=ctypes.sizeof(_Memory) | 2 << 24)
    _check(nvml.nvmlInit_v2())
    _check(nvml.nvmlDeviceGetHandleByPciBusId_v2(bus_id, ctypes.byref(device)))
    _check(nvml.nvmlDeviceGetIndex(device, ctypes.byref(number)))
    _check(nvml.nvmlDeviceGetMemoryInfo_v2(device, ctypes.byref(memory)))
    busy = _Utilization()
    if nvml.nvmlDeviceGetUtilizationRates(device, ctypes.byref(busy)):
        busy = _Utilization()  # not every GPU says
    print(json.dumps({"number": number.value, "held_bytes": memory.used, "busy": busy.gpu}))


def _bus_id(driver: ctypes.CDLL) -> bytes:
    """Of CUDA's first GPU: CUDA's order and NVML's differ, and CUDA_VISIBLE_DEVICES is CUDA's alone."""
    device, bus_id = ctypes.c_int(), ctypes.create_string_buffer(_BUS_ID_BYTES)
    _check(driver.cuInit(0))
    _check(driver.cuDeviceGet(ctypes.byref(device), 0))
    _check(driver.cuDeviceGetPCIBusId(bus_id, len(bus_id), device))
    return bus_id.value


def _check(status: int) -> None:
    if status:
        sys.exit(f"the driver says {status}")


if __name__ == "__main__":
    main()
