"""What a campaign runs on, in the numbers that principles and schedules use."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from egg_search.core.candidate import content_hash
from egg_search.core.errors import UserError

DEVICES = ("auto", "cpu", "cuda")
_ASK_SECONDS = 60
_CONTROL = Path("/dev/nvidiactl")  # of the NVIDIA driver
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True)
class Hardware:
    """One device model. Sizes are in bytes; `vector_bytes` is the width of a SIMD register.

    `shared_bytes` and `registers` are per thread block of a GPU and 0 on a CPU. For a GPU `cores` are multiprocessors,
    `vector_bytes` the widest access of a thread, `l1d_bytes` the shared memory of a multiprocessor, and there is no
    third cache. `capability` is a GPU's compute capability (90 is 9.0).
    """

    kind: str  # "cpu" or "cuda"
    model: str
    cores: int
    vector_bytes: int
    l1d_bytes: int
    l2_bytes: int
    l3_bytes: int
    memory_bytes: int
    shared_bytes: int = 0
    registers: int = 0
    capability: int = 0

    @property
    def id(self) -> str:
        """Equal for machines whose measurements may be compared in one campaign."""
        return content_hash(self.kind, self.model, str(self.cores), str(self.vector_bytes))

    def facts(self) -> dict[str, int | str]:
        return dict(vars(self))  # asked for often: `asdict` copies deeply, which takes ten times as long


def detect_cpu() -> Hardware:
    """The CPUs that this process may use. Unknown cache sizes fall back to common ones (32 KiB, 1 MiB, 16 MiB)."""
    flags, model = _cpuinfo()
    return Hardware(
        kind="cpu",
        model=model,
        cores=len(os.sched_getaffinity(0)),
        vector_bytes=64 if "avx512f" in flags else 32 if "avx2" in flags else 16,
        l1d_bytes=_cache_bytes(1, 32 << 10),
        l2_bytes=_cache_bytes(2, 1 << 20),
        l3_bytes=_cache_bytes(3, 16 << 20),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def detect(device: str = "auto") -> Hardware:
    """What to measure on: "auto" is the first GPU where there is one that torch can use, else the CPUs; "cpu" and
    "cuda" insist. Raises UserError where there is no such device, and for another word."""
    if device not in DEVICES:
        raise UserError(f"no device {device!r}; use one of {', '.join(DEVICES)}")
    if device == "cpu":
        return detect_cpu()
    found = ask_driver()
    if device == "cuda" and not found.gpus:
        raise UserError(f"no GPU to measure on: {found.reason}; to measure on the CPUs: --device cpu")
    return found.gpus[0] if found.gpus else detect_cpu()


def detect_cuda(index: int = 0) -> Hardware | None:
    """GPU number `index` of those that this process may use; None where torch can use none."""
    gpus = ask_driver().gpus
    return gpus[index] if index < len(gpus) else None


@dataclass(frozen=True)
class Driver:
    """`reason` says why there are no `gpus`; "" where there is nothing that looks like one."""

    gpus: tuple[Hardware, ...] = ()
    reason: str = "this machine has no NVIDIA GPU"
    broken: bool = False  # there is a GPU, and it cannot be used


@cache
def ask_driver() -> Driver:
    """All GPUs that this process may use. The driver is asked in a process of its own: this one may still fork others
    that want to use it."""
    if not _CONTROL.exists():
        return Driver()
    script = Path(__file__).with_name("ask_cuda.py")
    try:
        done = subprocess.run([sys.executable, "-P", str(script)], capture_output=True, text=True, timeout=_ASK_SECONDS)
        if done.returncode:
            return Driver(reason=(done.stderr.strip() or "the driver's answer is empty").splitlines()[-1], broken=True)
        return Driver(tuple(Hardware(kind="cuda", **each) for each in json.loads(done.stdout)), "")
    except (subprocess.TimeoutExpired, ValueError):
        return Driver(reason="the CUDA driver does not answer", broken=True)


def _cpuinfo() -> tuple[frozenset[str], str]:
    flags, model = frozenset(), platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return flags, model
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            flags = frozenset(value.split())
        elif key.strip() == "model name":
            model = value.strip()
    return flags, model


def _cache_bytes(level: int, default: int) -> int:
    for index in sorted(_CACHES.glob("index*")):
        try:
            same = int((index / "level").read_text()) == level
            if same and (index / "type").read_text().strip() != "Instruction":
                return int((index / "size").read_text().strip().removesuffix("K")) << 10
        except (OSError, ValueError):
            continue
    return default
