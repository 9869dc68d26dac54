"""What a campaign runs on, in the numbers that principles and schedules use."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from egg_search.core.candidate import content_hash

_ASK_SECONDS = 60
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True)
class Hardware:
    """One device model. Sizes are in bytes; `vector_bytes` is the width of a SIMD register.

    `shared_bytes` and `registers` are per thread block of a GPU and 0 on a CPU. For a GPU `cores` are multiprocessors,
    `vector_bytes` the widest access of a thread, `l1d_bytes` the shared memory of a multiprocessor, and there is no
    third cache.
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

    @property
    def id(self) -> str:
        """Equal for machines whose measurements may be compared in one campaign."""
        return content_hash(self.kind, self.model, str(self.cores), str(self.vector_bytes))

    def facts(self) -> dict[str, int | str]:
        return asdict(self)


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


def detect() -> Hardware:
    """The first GPU where there is one that torch can use, else the CPUs."""
    return detect_cuda() or detect_cpu()


@cache
def detect_cuda(index: int = 0) -> Hardware | None:
    """GPU number `index`; None where there is none, or torch was built without CUDA. The driver is asked in a process
    of its own: this one may still fork others that want to use it."""
    if not Path("/dev/nvidiactl").exists():
        return None
    script = Path(__file__).with_name("ask_cuda.py")
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(script), str(index)], capture_output=True, text=True, timeout=_ASK_SECONDS
        )
        return Hardware(kind="cuda", **json.loads(done.stdout)) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError):
        return None


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
