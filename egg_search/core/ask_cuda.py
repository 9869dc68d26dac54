"""Run as a program: prints what the CUDA driver says of every GPU that this process may use, as a list of the fields of
`Hardware`; fails, with one line that says why, where torch cannot use them. Neither torch nor a context is needed."""

from __future__ import annotations

import ctypes
import json
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

# Numbers of CUdevice_attribute, from cuda.h.
_ATTRIBUTES = {"cores": 16, "l1d_bytes": 81, "l2_bytes": 38, "shared_bytes": 97, "registers": 12}
_MAJOR, _MINOR = 75, 76
_VECTOR_BYTES = 16


def main() -> None:
    torch = find_spec("torch")
    version = runpy.run_path(str(Path(torch.origin).with_name("version.py"))) if torch and torch.origin else {}
    wanted = version.get("cuda")
    if not wanted:
        sys.exit("torch was built without CUDA; install a build for CUDA")
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        sys.exit(f"the NVIDIA driver's library does not load: {error}")
    supported, count = ctypes.c_int(), ctypes.c_int()
    _check(driver.cuDriverGetVersion(ctypes.byref(supported)))
    if supported.value // 1000 < int(wanted.partition(".")[0]):
        has = f"{supported.value // 1000}.{supported.value % 1000 // 10}"
        sys.exit(f"the NVIDIA driver is too old: it supports CUDA {has}, this torch needs {wanted}; update the driver")
    _check(driver.cuInit(0))
    _check(driver.cuDeviceGetCount(ctypes.byref(count)))
    if not count.value:
        sys.exit("the CUDA driver shows no GPU; see CUDA_VISIBLE_DEVICES")
    print(json.dumps([_fields(driver, index) for index in range(count.value)]))


def _fields(driver: ctypes.CDLL, index: int) -> dict[str, int | str]:
    device, name, size = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_size_t()
    _check(driver.cuDeviceGet(ctypes.byref(device), index))
    _check(driver.cuDeviceGetName(name, len(name), device))
    _check(driver.cuDeviceTotalMem_v2(ctypes.byref(size), device))

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        _check(driver.cuDeviceGetAttribute(ctypes.byref(value), number, device))
        return value.value

    found = {field: attribute(number) for field, number in _ATTRIBUTES.items()}
    capability = 10 * attribute(_MAJOR) + attribute(_MINOR)
    known = {"model": name.value.decode(), "memory_bytes": size.value, "capability": capability}
    return {**known, **found, "vector_bytes": _VECTOR_BYTES, "l3_bytes": 0}


def _check(status: int) -> None:
    if status:
        sys.exit(f"the CUDA driver says {status}")


if __name__ == "__main__":
    main()
