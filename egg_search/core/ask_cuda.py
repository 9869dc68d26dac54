"""Run as a program: prints what the CUDA driver says of GPU number argv[1], as fields of `Hardware`; fails where torch
cannot use it. Neither torch nor a context is needed for that."""

from __future__ import annotations

import ctypes
import json
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

# Numbers of CUdevice_attribute, from cuda.h.
_ATTRIBUTES = {"cores": 16, "l1d_bytes": 81, "l2_bytes": 38, "shared_bytes": 97, "registers": 12}
_VECTOR_BYTES = 16


def main(index: int) -> None:
    torch = find_spec("torch")
    version = runpy.run_path(str(Path(torch.origin).with_name("version.py"))) if torch and torch.origin else {}
    if not version.get("cuda"):
        sys.exit("torch was built without CUDA")
    driver = ctypes.CDLL("libcuda.so.1")
    device, name, value, size = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_int(), ctypes.c_size_t()
    _check(driver.cuInit(0))
    _check(driver.cuDeviceGet(ctypes.byref(device), index))
    _check(driver.cuDeviceGetName(name, len(name), device))
    _check(driver.cuDeviceTotalMem_v2(ctypes.byref(size), device))
    found: dict[str, int | str] = {"model": name.value.decode(), "memory_bytes": size.value}
    for field, number in _ATTRIBUTES.items():
        _check(driver.cuDeviceGetAttribute(ctypes.byref(value), number, device))
        found[field] = value.value
    print(json.dumps({**found, "vector_bytes": _VECTOR_BYTES, "l3_bytes": 0}))


def _check(status: int) -> None:
    if status:
        sys.exit(f"the CUDA driver says {status}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
