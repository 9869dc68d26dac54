"""What this machine offers to a search: `egg doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from egg_search.campaign.isolation import isolation_record
from egg_search.campaign.versions import versions
from egg_search.core.hardware import Hardware, detect_cpu

_ALWAYS = "always: processes of their own, resource limits, no new privileges"


def machine_report() -> tuple[list[tuple[str, str]], list[str]]:
    """(label, finding) rows, and what is missing without which nothing runs."""
    hardware, found = detect_cpu(), versions()
    problems = [] if shutil.which("g++") else ["no g++ on PATH; install it, for example: apt-get install g++"]
    rows = [*_hardware(hardware), ("g++", found.pop("g++") or "none")]
    rows += [("isolation", _ALWAYS), *isolation_record().items()]
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


def isolation_line(record: Mapping[str, str]) -> str:
    """A run's record of its layers, in one line."""
    used = [name for name, found in record.items() if found.startswith("used")]
    missing = [f"{name} {found}" for name, found in record.items() if name not in used]
    return ", ".join([*used, *missing])


def _size(size: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20)):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.4g} {unit}"
    return f"{size / 1024:.4g} KiB"
