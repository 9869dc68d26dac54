"""One device as the driver sees it: who builds for it, who measures on it, and what happens when they die."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import ActorUnschedulableError, GetTimeoutError, RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from egg_search.cluster import ray_workers
from egg_search.cluster.base import INFRASTRUCTURE, Key, Task, Workshop, build_verdict
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.verdict import Outcome, Verdict

RESTART_S = 120.0  # a worker that is not back after this long is lost; importing torch is in it
DIED = (RayActorError, ActorUnschedulableError)  # the latter when its node is gone


class NodeLost(Exception):
    """Nothing starts there any more."""


@dataclass(frozen=True, order=True)
class Submitted:
    """A task, in the order of submission, and the source that it is built of."""

    number: int
    key: Key = field(compare=False)
    task: Task = field(compare=False)
    source: str = field(compare=False)


class Device:
    """Holds at most one measurement in flight. Builds happen on the same node, for the compiler's cache, `builders` at
    a time."""

    def __init__(self, workshop: Workshop, node: str, builders: int) -> None:
        there = {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}
        self.node = node
        gpus = 1 if workshop.hardware.kind == "cuda" else 0
        self.measurer = ray_workers.Measurer.options(num_gpus=gpus, **there).remote(workshop)
        self._builder = ray_workers.Builder.options(max_concurrency=builders, **there).remote(workshop)
        self._builder.start.remote()
        self.current: Submitted | None = None  # what it measures
        self._best_ms: float | None = None
        self._retried = False

    def hardware(self) -> Hardware | None:
        """What it is; None when its worker does not start."""
        try:
            return _fetch(self.measurer.hardware.remote())
        except DIED:
            return None

    def build(self, source: str) -> ray.ObjectRef:
        return self._builder.build.remote(source)

    def built(self, source: str, reference: ray.ObjectRef) -> Verdict | None:
        """Waits for a build; the verdict if it failed. What was lost with its worker is built once more, alone. Raises
        NodeLost when there is no other worker."""
        try:
            try:
                report = _fetch(reference)
            except DIED:
                if not _wait_ready(self._builder):
                    raise NodeLost from None
                report = _fetch(self.build(source))
        except DIED as error:
            return _lost("build", error)
        return None if report.outcome is None else build_verdict(report)

    def start(self, entry: Submitted, best_ms: float | None) -> ray.ObjectRef:
        self.current, self._best_ms, self._retried = entry, best_ms, False
        return self.measurer.measure.remote(entry.task, best_ms)

    def collect(self, reference: ray.ObjectRef) -> tuple[Verdict, float] | ray.ObjectRef | None:
        """What was measured; or, when the worker died, the second try; or None when the worker is lost."""
        try:
            return _fetch(reference)
        except DIED as error:
            if not _wait_ready(self.measurer):
                return None
            if self._retried:
                return _lost("measuring", error), 0.0
            self._retried = True
            return self.measurer.measure.remote(self.current.task, self._best_ms)

    def close(self) -> None:
        with suppress(RayError):  # it is gone: so is what it held
            ray.get(self.measurer.close.remote(), timeout=10)
        ray.kill(self.measurer)
        ray.kill(self._builder)


def _fetch(reference: ray.ObjectRef) -> Any:
    """As `ray.get`, but what is a UserError over there is one here, without Ray's traceback in its message."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, UserError) else error from None


def _wait_ready(actor: ActorHandle) -> bool:
    """Whether the actor, which Ray restarts, answers within RESTART_S."""
    deadline = time.monotonic() + RESTART_S
    while time.monotonic() < deadline:
        try:
            return ray.get(actor.ready.remote(), timeout=deadline - time.monotonic())
        except (GetTimeoutError, ActorUnschedulableError):
            return False
        except RayActorError:
            time.sleep(0.2)
    return False


def _lost(what: str, error: RayError) -> Verdict:
    reason = f"the {what} worker died twice: {str(error).splitlines()[0]}"
    return Verdict(Outcome.CRASHED, reason, flags=(INFRASTRUCTURE,))
