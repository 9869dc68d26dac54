"""GPU candidates: the current GPU of this process, its baselines, and the workers that wait for it."""

from __future__ import annotations

import os
from typing import ClassVar

import torch

from egg_search.core.hardware import Hardware
from evaluator.device.base import COMPILE, MAX_AUTOTUNE, NO_RIGHTS, Rights, Variant
from evaluator.device.cuda_after import After, Tenant
from evaluator.device.cuda_bench import Bench, free_bytes
from evaluator.device.cuda_seat import CudaSeat
from evaluator.device.cuda_spare import Spares
from evaluator.isolation.isolation import Isolation
from evaluator.worker.setup import Setup

# TF32 changes nothing where both are as shipped; where convolutions are, one of them is shipped and the other one not.
_EAGERS = ("eager_fp32", "eager_tf32")


class CudaDevice:
    """The GPU that `hardware` describes; workers have all CPUs."""

    place = "cuda"
    beside = True
    quantile = 0.25  # launches that a busy host makes late only ever add time
    null_every = 2  # they bear out what workers say of long calls, and matter little
    variants: ClassVar[dict[str, Variant]] = {
        "eager_fp32": Variant({"tf32": False}, like="eager"),
        "eager_tf32": Variant({"tf32": True}, like="eager"),
        "compile": Variant({**COMPILE, "tf32": False}),
        "compile_tf32": Variant({**COMPILE, "tf32": True}, like="compile", told_by=_EAGERS),
        "max_autotune": Variant({**MAX_AUTOTUNE, "tf32": False}, on_request=True),
        "max_autotune_tf32": Variant(
            {**MAX_AUTOTUNE, "tf32": True}, like="max_autotune", told_by=_EAGERS, on_request=True
        ),
    }

    def __init__(self, hardware: Hardware, isolation: Isolation) -> None:
        self._memory_bytes = hardware.memory_bytes
        self._spares = Spares(isolation, tuple(sorted(os.sched_getaffinity(0))))
        self._bench = Bench(hardware.l2_bytes)
        self._after = After(free_bytes)
        self.alone = self._bench.alone

    def open(self, memory_bytes: int, environment: dict[str, str], rights: Rights = NO_RIGHTS) -> CudaSeat:
        setup = Setup.of(environment, rights.private)  # first: files may not be read
        key = rights.program, memory_bytes, rights.readable
        known = self._after.again(key if rights.again else None)
        tenant = known or Tenant(self._spares.take(memory_bytes, environment, rights), key)
        shared = self._bench, self._after, self._memory_bytes
        return CudaSeat(tenant, *shared, rights.build_seconds, setup, again=known is not None)

    def settle(self) -> None:
        self._after.drop()
        self._after.wait()

    def has_room(self, size: int) -> bool:
        self.settle()
        return torch.cuda.mem_get_info()[0] >= size

    def close(self) -> None:
        self._spares.close()
        self._after.close()
