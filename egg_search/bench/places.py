"""Where campaigns that run beside each other on one machine have their places: one GPU and a share of the CPUs each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from egg_search.core.errors import UserError
from egg_search.core.hardware import ask_driver, detect

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology"
_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Place:
    """`gpu` is its GPU as CUDA_VISIBLE_DEVICES names it; None where CPUs are measured."""

    name: str
    cpus: tuple[int, ...]
    gpu: str | None = None

    def environment(self) -> dict[str, str]:
        """This process's, for one that works there."""
        return {**os.environ, **({} if self.gpu is None else {_VISIBLE: self.gpu})}


def default_parallel(device: str, ray_address: str | None) -> int:
    """How many campaigns run at a time where nobody said: one a GPU of the first one's model. One in all on CPUs, which
    a campaign measures all together, and on a Ray cluster, which spreads a campaign itself."""
    if detect(device).kind == "cpu" or joins_cluster(ray_address):
        return 1
    return len(_gpus())


def joins_cluster(ray_address: str | None) -> bool:
    return ray_address not in (None, "local", "none")


def places(count: int, device: str) -> list[Place]:
    """`count` places with equally many CPUs. Raises UserError where there are too few GPUs or CPUs for so many."""
    shares = cpu_shares(count)
    if detect(device).kind == "cpu":
        return [Place(f"part {number}", share) for number, share in enumerate(shares)]
    gpus = _gpus()
    if count > len(gpus):
        raise UserError(f"--parallel {count}: there are {len(gpus)} GPUs of one model, and campaigns share none")
    return [Place(f"GPU {gpu}", share, gpu) for gpu, share in zip(gpus, shares, strict=False)]


def cpu_shares(count: int) -> list[tuple[int, ...]]:
    """Of the CPUs that this process may use. The threads of a core, and the cores of a socket, stay together."""
    cpus = sorted(os.sched_getaffinity(0), key=_position)
    size = len(cpus) // count
    if not size:
        raise UserError(f"--parallel {count}: there are only {len(cpus)} CPUs")
    return [tuple(sorted(cpus[size * number : size * (number + 1)])) for number in range(count)]


def _gpus() -> list[str]:
    """Those of the first one's model: measurements of others do not compare."""
    found = ask_driver().gpus
    visible = [each.strip() for each in os.environ.get(_VISIBLE, "").split(",") if each.strip()]
    names = visible or [str(number) for number in range(len(found))]
    return [name for name, each in zip(names, found, strict=False) if each.id == found[0].id]


def _position(cpu: int) -> tuple[int, int, int]:
    """Socket, core and number; 0 where the machine does not tell."""
    folder = Path(_TOPOLOGY.format(cpu))
    try:
        return int((folder / "physical_package_id").read_text()), int((folder / "core_id").read_text()), cpu
    except (OSError, ValueError):
        return 0, 0, cpu
