"""Candidates that compile in the constructor or in the first call: they are constructed and called once where a
compiler may run, on inputs that nothing is judged on. What they leave in their output the run stage finds."""

from __future__ import annotations

from typing import Any

import torch

from egg_search.core.verdict import Outcome, Verdict
from evaluator.build.build import OWN_SECONDS
from evaluator.build.store import BuildStore
from evaluator.device.base import Device, Rights
from evaluator.isolation.base import Stage
from evaluator.isolation.failure import WorkerFailure
from evaluator.worker.models import ModelSpec

_STARTS = frozenset("clone fork vfork execve execveat".split())
_REFUSALS = ("PermissionError", "Permission denied", "Read-only file system", "Operation not permitted")


def wants_compiler(verdict: Verdict, denied: list[str]) -> bool:
    """Whether it failed in the run stage for want of something that the build stage has. A hint, from what the
    candidate says too: all that it brings is one more chance."""
    if verdict.outcome not in (Outcome.RAISED, Outcome.LOAD_FAILED):
        return False
    return bool(_STARTS & set(denied)) or any(text in verdict.reason for text in _REFUSALS)


def build_by_calling(
    device: Device,
    store: BuildStore,
    spec: ModelSpec,
    state: dict[str, torch.Tensor],
    arguments: list[Any],
    memory_bytes: int,
    timeout: float,
) -> None:
    """Failures are left to the run stage to name. Raises OSError when the disk is full."""
    output = store.prepare(spec.source)
    rights = Rights(Stage.BUILD, (str(store.shared),), (str(output),), own_seconds=OWN_SECONDS)
    try:
        seat = device.open(memory_bytes, store.environment(spec.source), rights)
        try:
            seat.load(0, spec, state, timeout)
            seat.call(0, arguments, timeout)
        finally:
            seat.close()
    except WorkerFailure:
        return
    store.publish(spec.source)
