"""One device as the driver sees it: a measuring actor, the node it is on, and how a lost measurement is retried."""

from __future__ import annotations

import time

import ray
from ray.exceptions import GetTimeoutError, RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from egg_search.cluster import ray_workers
from egg_search.cluster.base import INFRASTRUCTURE, Task, Workshop
from egg_search.core.verdict import Outcome, Verdict

RESTART_S = 120.0  # a worker that is not back after this long is lost: torch's import and the baselines' are in it


class Device:
    """Holds at most one measurement in flight; `node` is where its builds must go, for the compiler's cache."""

    def __init__(self, workshop: Workshop, node: str) -> None:
        self.strategy = NodeAffinitySchedulingStrategy(node, soft=False)
        gpus = 1 if workshop.hardware.kind == "cuda" else 0
        actor = ray_workers.Measurer.options(num_gpus=gpus, scheduling_strategy=self.strategy)
        self.actor = actor.remote(workshop)
        self.current: tuple[int, Task, float | None] | None = None
        self._retried = False

    def start(self, index: int, task: Task, best_ms: float | None) -> ray.ObjectRef:
        self.current, self._retried = (index, task, best_ms), False
        return self.actor.measure.remote(task, best_ms)

    def collect(self, reference: ray.ObjectRef) -> tuple[Verdict, float] | ray.ObjectRef | None:
        """What was measured; or, when the worker died, the second try; or None when the worker is lost."""
        try:
            return ray.get(reference)
        except RayActorError as error:
            if not self.wait_ready():
                return None
            if self._retried:
                reason = f"the measuring worker died twice: {str(error).splitlines()[0]}"
                return Verdict(Outcome.CRASHED, reason, flags=(INFRASTRUCTURE,)), 0.0
            self._retried = True
            _, task, best_ms = self.current
            return self.actor.measure.remote(task, best_ms)

    def wait_ready(self) -> bool:
        """Whether the actor answers, within RESTART_S."""
        deadline = time.monotonic() + RESTART_S
        while time.monotonic() < deadline:
            try:
                return ray.get(self.actor.ready.remote(), timeout=deadline - time.monotonic())
            except GetTimeoutError:
                return False
            except RayActorError:
                time.sleep(0.2)
        return False
