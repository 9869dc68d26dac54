"""What this machine offers to a search: `egg doctor`."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

from egg_search.campaign.versions import versions
from egg_search.core.hardware import Hardware, detect_cpu

_LANDLOCK_CREATE_RULESET, _VERSION_FLAG = 444, 1  # the same number on every architecture


def machine_report() -> tuple[list[tuple[str, str]], list[str]]:
    """(label, finding) rows, and what is missing without which nothing runs."""
    hardware, found = detect_cpu(), versions()
    problems = [] if shutil.which("g++") else ["no g++ on PATH; install it, for example: apt-get install g++"]
    rows = [*_hardware(hardware), ("g++", found.pop("g++") or "none"), *_isolation()]
    rows += [("ray", found.pop("ray", "not installed")), *found.items()]
    return rows, problems


def _hardware(hardware: Hardware) -> list[tuple[str, str]]:
    sizes = (hardware.l1d_bytes, hardware.l2_bytes, hardware.l3_bytes)
    return [
        ("processor", hardware.model),
        ("cores", str(hardware.cores)),
        ("vector width", f"{hardware.vector_bytes * 8} bits"),
        ("caches", ", ".join(f"{name} {_size(size)}" for name, size in zip(("L1d", "L2", "L3"), sizes, strict=True))),
        ("memory", _size(hardware.memory_bytes)),
    ]


def _isolation() -> list[tuple[str, str]]:
    """Layers that Linux offers to unprivileged processes here, used or not."""
    landlock = landlock_version()
    return [
        ("user namespaces", _yes(_can_unshare())),
        ("seccomp", _yes("Seccomp:" in _read("/proc/self/status"))),
        ("landlock", f"version {landlock}" if landlock > 0 else "no"),
        ("cgroups", "version 2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "no version 2"),
    ]


def landlock_version() -> int:
    """0 or less where the kernel has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _VERSION_FLAG)


def _can_unshare() -> bool:
    tool = shutil.which("unshare")
    if tool is None:
        return False
    command = [tool, "--user", "--pid", "--fork", "--net", "true"]
    return subprocess.run(command, capture_output=True, timeout=10, cwd=os.sep).returncode == 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _size(size: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20)):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.4g} {unit}"
    return f"{size / 1024:.4g} KiB"
