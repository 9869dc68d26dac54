"""What a GPU really reaches, measured once a GPU and kept in the user's cache."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from egg_search.core.candidate import content_hash
from egg_search.core.hardware import Hardware

_VERSION = "1"  # of how it is measured
_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Ceilings:
    """Of one GPU. Bandwidths are bytes a second, read and written bytes together; rates are flops a second of large
    dense products. `pin_bandwidth` is what the memory's pins can carry by the driver's figures, which nothing exceeds
    (0 where it does not say). `launch_us` is what a kernel that does nothing costs in a row of such kernels."""

    copy_bandwidth: float
    read_bandwidth: float
    pin_bandwidth: float
    fp32: float
    tf32: float
    bf16: float
    fp64: float
    launch_us: float
    multiprocessors: int
    l2_bytes: int

    def bandwidth(self, written_share: float) -> float:
        """For a mix of reads and writes: reading alone is faster than copying (a share of one half)."""
        share = min(1.0, max(0.0, 2 * written_share))
        return self.read_bandwidth + (self.copy_bandwidth - self.read_bandwidth) * share

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ceilings:
        """Raises TypeError or ValueError for what are no ceilings."""
        found = cls(**data)
        rates = asdict(found)
        pins = rates.pop("pin_bandwidth")
        if not all(isinstance(rate, (int, float)) and 0 < rate < float("inf") for rate in rates.values()) or pins < 0:
            raise ValueError(f"no ceilings: {data}")
        return found


def ceilings(hardware: Hardware) -> Ceilings | None:
    """Of the current GPU, which `hardware` describes; None for CPUs, where torch has no GPU, and where it has no memory
    left. The first call on a machine takes about two seconds of the GPU, which nobody else should use meanwhile."""
    if hardware.kind != "cuda" or not torch.cuda.is_available():
        return None
    return _ceilings(hardware)


@lru_cache(maxsize=4)
def _ceilings(hardware: Hardware) -> Ceilings | None:
    from evaluator.roofline.measure import measure  # which needs a GPU

    file, key = cache_file(), cache_key(hardware)
    found = read(file, key)
    if found is None:
        try:
            found, steady = measure(hardware)
        except RuntimeError:  # no memory is left: others have it
            return None
        if steady:  # else somebody else was using the GPU: others are to measure it again
            write(file, key, found)
    return found


def cache_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "egg-search" / "ceilings.json"


def cache_key(hardware: Hardware) -> str:
    """Equal where the ceilings are: same GPU, driver, torch."""
    driver = _DRIVER.read_text() if _DRIVER.exists() else ""
    return f"{hardware.model} {content_hash(_VERSION, hardware.id, driver, torch.__version__)}"


def read(file: Path, key: str) -> Ceilings | None:
    """None where the file does not have it, whatever the reason."""
    try:
        return Ceilings.from_json(json.loads(file.read_text())[key])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(file: Path, key: str, found: Ceilings) -> None:
    """Adds an entry; readers see the old file or the new one. A cache that cannot be written is none."""
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        loaded = json.loads(file.read_text())
        known = loaded if isinstance(loaded, dict) else {}
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=file.name, delete=False) as temporary:
            json.dump(known | {key: found.to_json()}, temporary, indent=1)
        os.replace(temporary.name, file)
