"""What this machine offers to a search: `egg doctor`."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping

from egg_search.campaign.dialects import DIALECTS, missing_dialects, usable_dialects
from egg_search.campaign.isolation import isolation_record
from egg_search.campaign.versions import versions
from egg_search.core.candidate import Dialect
from egg_search.core.hardware import Driver, Hardware, ask_driver, detect_cpu

_ALWAYS = "always: processes of their own, resource limits, no new privileges"
_NO_COMPILER = "no g++ on PATH; install it, for example: apt-get install g++"

Rows = list[tuple[str, str]]


def machine_report() -> tuple[Rows, list[str]]:
    """(label, finding) rows, and what is missing without which nothing runs on what `egg run` chooses by itself."""
    hardware, driver, found = detect_cpu(), ask_driver(), versions()
    compiler = shutil.which("g++") is not None
    problems = [] if compiler or driver.gpus else [_NO_COMPILER]
    if driver.gpus and not usable_dialects("cuda"):
        problems = ["; ".join(missing_dialects("cuda").values())]
    rows = [*_hardware(hardware), *_gpus(driver), *_dialects(compiler, driver), ("g++", found.pop("g++") or "none")]
    rows += [("isolation", _ALWAYS), *isolation_record().items()]
    rows += [("ray", found.pop("ray", "not installed")), *found.items()]
    return rows, problems


def _hardware(hardware: Hardware) -> Rows:
    sizes = (hardware.l1d_bytes, hardware.l2_bytes, hardware.l3_bytes)
    return [
        ("processor", hardware.model),
        ("cores", str(hardware.cores)),
        ("vector width", f"{hardware.vector_bytes * 8} bits"),
        ("caches", ", ".join(f"{name} {_size(size)}" for name, size in zip(("L1d", "L2", "L3"), sizes, strict=True))),
        ("memory", _size(hardware.memory_bytes)),
    ]


def _gpus(driver: Driver) -> Rows:
    """A row a model, or one that says why none can be used."""
    if not driver.gpus:
        return [("gpu", f"{'none can be used' if driver.broken else 'none'}: {driver.reason}")]
    models = {gpu.id: gpu for gpu in reversed(driver.gpus)}
    counts = Counter(gpu.id for gpu in driver.gpus)
    rows = [("gpu", f"{count} x {_gpu(models[each])}") for each, count in counts.items()]
    if len(models) > 1:
        rows.append(("mixed gpus", f"a search measures on one model: {driver.gpus[0].model}"))
    return rows


def _gpu(gpu: Hardware) -> str:
    version = f"{gpu.capability // 10}.{gpu.capability % 10}"
    return (
        f"{gpu.model}, {_size(gpu.memory_bytes)}, {gpu.cores} multiprocessors, compute capability {version}, "
        f"L2 {_size(gpu.l2_bytes)}"
    )


def _dialects(compiler: bool, driver: Driver) -> Rows:
    """What kernels are written in, by kind of hardware, and why a dialect is missing."""
    missing = {Dialect.CPP: _NO_COMPILER} if not compiler else {}
    kinds = {"cpu": "on the cpu"} | ({"cuda": "on the gpu"} if driver.gpus else {})
    rows = []
    for kind, label in kinds.items():
        why = missing_dialects(kind) | {each: missing[each] for each in DIALECTS[kind] if each in missing}
        usable = [each for each in DIALECTS[kind] if each not in why]
        rows.append((label, ", ".join([*usable, *(f"not {each} ({reason})" for each, reason in why.items())])))
    return rows


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
