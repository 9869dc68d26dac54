"""Builds a candidate by importing it in a process of its own, where a compiler may run."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome
from evaluator.build.collect import collect
from evaluator.build.messages import reason_of
from evaluator.build.store import BuildStore
from evaluator.gate import Gate
from evaluator.isolation.base import MAKES_WAY, Limits, Stage
from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.isolation import Isolation, shared_isolation
from evaluator.protocol.memory import payload
from evaluator.protocol.records import Op, Status, printable
from evaluator.worker.ahead import ARCHITECTURE
from evaluator.worker.models import ModelSpec

MEMORY_BYTES, FILE_BYTES = 4 << 30, 256 << 20
_MESSAGE_BYTES = 1 << 16
_NEEDED_BYTES = 8 << 20  # a failed build with less than this left on the disk says nothing of the candidate
OWN_SECONDS = 1.8  # an import that takes longer, while no compiler is at work, hangs


@dataclass(frozen=True)
class BuildReport:
    """`outcome` is None when the build succeeded; otherwise `reason` is one bounded line of the first error."""

    outcome: Outcome | None
    reason: str
    seconds: float
    cached: bool

    @property
    def ok(self) -> bool:
        return self.outcome is None


def build(
    bound_source: str,
    build_dir: Path,
    timeout_s: float = 60.0,
    gate: Gate | None = None,
    isolation: Isolation | None = None,
    capability: int = 0,
) -> BuildReport:
    """Imports `bound_source` in a worker. Thread-safe. A source that was built before costs nothing.

    `gate` is held shared meanwhile; `isolation` defaults to the plain zygote of this process. `capability` is that of
    the GPU that kernels are compiled for, 0 for none: no GPU need be there. Raises UserError when the disk is full:
    that is no fault of the candidate's.
    """
    begin = time.perf_counter()
    store = BuildStore(build_dir)
    if store.built(bound_source):
        return BuildReport(None, "", time.perf_counter() - begin, cached=True)
    try:
        store.prepare(bound_source)
        with (gate or Gate(None)).shared():
            begin = time.perf_counter()
            outcome, reason = _import_once(bound_source, store, timeout_s, isolation or shared_isolation(), capability)
        if outcome is None:
            store.publish(bound_source)
        else:
            store.discard(bound_source)
    except OSError as error:
        raise UserError(f"{store.root}: {error.strerror or error}; free some space there, then: egg resume") from None
    if outcome is not None and shutil.disk_usage(store.root).free < _NEEDED_BYTES:
        raise UserError(f"{store.root}: the disk is full; free some space, then: egg resume")
    return BuildReport(outcome, reason, time.perf_counter() - begin, cached=False)


def _import_once(
    source: str, store: BuildStore, timeout_s: float, isolation: Isolation, capability: int
) -> tuple[Outcome | None, str]:
    messages = os.memfd_create("egg-messages", os.MFD_CLOEXEC)
    spec = payload(ModelSpec(source, class_name=None))
    output = str(store.output(source))
    alone = "namespaces" in isolation.layers  # then it writes to memory, of which it has only so much
    more: dict[str, Any] = {"private": (output,)} if alone else {"writable": (output,)}
    more["niceness"] = MAKES_WAY if capability else 0  # where CPUs are measured, builds and timings take turns
    limits = Limits(MEMORY_BYTES, FILE_BYTES, stage=Stage.BUILD, readable=(str(store.shared),), **more)
    try:
        named = {ARCHITECTURE: str(capability)} if capability else {}
        own_seconds = timeout_s if capability else OWN_SECONDS  # Triton and NVRTC compile in the process itself
        worker = isolation.spawn(limits, {**store.environment(source), **named}, messages)
        try:
            reply = worker.request(Op.LOAD, timeout_s, fds=[spec], own_seconds=own_seconds)
            if alone and reply.status is Status.READY:
                worker.pause()
                collect(worker.pid, store.output(source))
        finally:
            worker.close()
    except WorkerFailure as failure:
        timed_out = failure.outcome is Outcome.TIMED_OUT
        return (Outcome.BUILD_TIMEOUT if timed_out else Outcome.BUILD_FAILED), failure.reason
    else:
        excess = worker.disk.final_excess()
        if reply.status is Status.READY:
            return (Outcome.BUILD_FAILED, excess) if excess else (None, "")
        printed = printable(os.pread(messages, _MESSAGE_BYTES, 0).decode(errors="replace"))
        return Outcome.BUILD_FAILED, reason_of(reply.text, printed)
    finally:
        os.close(messages)
        os.close(spec)
