"""Builds a candidate by importing it in a process of its own, with `EGG_BUILD_DIR` saying where results go."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from egg_search.core.candidate import content_hash
from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome
from evaluator.build.messages import reason_of
from evaluator.gate import Gate
from evaluator.isolation.base import Isolation, Limits
from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.process import shared_isolation
from evaluator.protocol.memory import payload
from evaluator.protocol.records import Op, Status
from evaluator.worker.models import ModelSpec

MEMORY_BYTES, FILE_BYTES = 4 << 30, 256 << 20
_MESSAGE_BYTES = 1 << 16
_NEEDED_BYTES = 8 << 20  # a failed build with less than this left on the disk says nothing of the candidate


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
) -> BuildReport:
    """Imports `bound_source` in a worker. Thread-safe. A source that was built before costs nothing.

    `gate` is held shared meanwhile; `isolation` defaults to the plain zygote of this process. Raises UserError when
    the disk is full: that is no fault of the candidate's.
    """
    begin = time.perf_counter()
    build_dir = Path(build_dir).absolute()
    marker = build_dir / "built" / content_hash(bound_source)
    if marker.exists():
        return BuildReport(None, "", time.perf_counter() - begin, cached=True)
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        with (gate or Gate(None)).shared():
            begin = time.perf_counter()
            outcome, reason = _import_once(bound_source, build_dir, timeout_s, isolation or shared_isolation())
        if outcome is None:
            marker.touch()
    except OSError as error:
        raise UserError(f"{build_dir}: {error.strerror or error}; free some space there, then: egg resume") from None
    if outcome is not None and shutil.disk_usage(build_dir).free < _NEEDED_BYTES:
        raise UserError(f"{build_dir}: the disk is full; free some space, then: egg resume")
    return BuildReport(outcome, reason, time.perf_counter() - begin, cached=False)


def _import_once(source: str, build_dir: Path, timeout_s: float, isolation: Isolation) -> tuple[Outcome | None, str]:
    messages = os.memfd_create("egg-messages", os.MFD_CLOEXEC)
    spec = payload(ModelSpec(source, class_name=None))
    try:
        worker = isolation.spawn(Limits(MEMORY_BYTES, FILE_BYTES), {"EGG_BUILD_DIR": str(build_dir)}, messages)
        try:
            reply = worker.request(Op.LOAD, timeout_s, fds=[spec])
        finally:
            worker.close()
    except WorkerFailure as failure:
        timed_out = failure.outcome is Outcome.TIMED_OUT
        return (Outcome.BUILD_TIMEOUT if timed_out else Outcome.BUILD_FAILED), failure.reason
    else:
        if reply.status is Status.READY:
            return None, ""
        printed = os.pread(messages, _MESSAGE_BYTES, 0).decode(errors="replace")
        return Outcome.BUILD_FAILED, reason_of(reply.text, printed)
    finally:
        os.close(messages)
        os.close(spec)
