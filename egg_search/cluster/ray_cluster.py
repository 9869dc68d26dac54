"""Authors, builds and measurements as Ray actors and tasks, on this machine or on a cluster."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # else 15: what measures would wait for everybody

import ray
from ray.exceptions import RayActorError

from egg_search.cluster import ray_workers
from egg_search.cluster.aside import Aside
from egg_search.cluster.base import BestMs, ClusterLost, Key, Proposal, Task, Workshop, ahead_on
from egg_search.cluster.device import DIED, Device
from egg_search.cluster.pipeline import Pipeline
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from operators.base import AuthorError, Brief, Draft, Refusal

OBJECT_STORE = 128 << 20  # candidates are text


class Working:
    """A proposal that the author's worker is at. What it takes while others measure is nobody's loss: seconds count
    while it is waited for."""

    def __init__(self, reference: ray.ObjectRef, seconds: Counter[str]) -> None:
        self._reference, self._seconds = reference, seconds

    def ready(self) -> bool:
        return bool(ray.wait([self._reference], timeout=0)[0])

    def __call__(self) -> list[Draft | Refusal]:
        started = time.perf_counter()
        try:
            drafts = ray.get(self._reference)
        except RayActorError as error:
            raise AuthorError(f"its worker died: {str(error).splitlines()[0]}") from None
        self._seconds["author"] += time.perf_counter() - started
        if isinstance(drafts, str):
            raise AuthorError(drafts)
        return drafts


class RayCluster:
    """Uses Ray where this process has it already; else starts it here (`address` None or "local") or joins it there.

    One measuring actor a GPU, or a node where the CPU is measured.
    """

    def __init__(self, workshop: Workshop, address: str | None = None) -> None:
        self.seconds: Counter[str] = Counter()
        self._aside = Aside(workshop, self.seconds)
        self.aside = self._aside.capacity
        self._owns_ray = not ray.is_initialized()
        if self._owns_ray:
            _init(address)
        self._author = ray_workers.AuthorWorker.remote(workshop)
        for author in workshop.authors:
            if author not in self.aside:
                self._author.warm.remote(author)
        self._ahead = ahead_on(workshop.hardware)
        self._beside = self._ahead > 1  # building disturbs no measurement
        self._pipeline, self._came = Pipeline(), deque[tuple[Key, Verdict]]()
        self._turn = 0
        self._devices = [Device(workshop, *place) for place in _places(workshop.hardware.kind)]
        self.notes = self._drop_others(workshop.hardware)

    @property
    def devices(self) -> int:
        return len(self._devices)

    @property
    def ahead(self) -> int:
        return self._ahead * len(self._devices) if self._beside else 1

    def _drop_others(self, hardware: Hardware) -> tuple[str, ...]:
        """Measurements of different GPUs do not compare: keeps those of one model, and says which others there are."""
        if hardware.kind != "cuda" or len(self._devices) == 1:
            return ()
        others: Counter[str] = Counter()
        for device, model in [(device, device.hardware()) for device in self._devices]:
            if model is None or model.id != hardware.id:
                others[model.model if model else "GPU whose worker does not start"] += 1
                self._devices.remove(device)
                device.close()
        left = ", ".join(f"{count} x {name}" for name, count in others.items())
        if not self._devices:
            raise UserError(f"the Ray cluster has no {hardware.model} to measure on; it has {left}")
        return (f"mixed GPUs: this campaign measures on {hardware.model} only, and leaves out {left}",) if left else ()

    def survey(self) -> Survey:
        first, *rest = [device.measurer.survey.remote() for device in self._devices]
        try:
            found = ray.get(first)
            others = ray.get([device.measurer.others.remote() for device in self._devices])
        except DIED as error:
            raise ClusterLost(f"the measuring worker does not start, or dies: {str(error).splitlines()[0]}") from None
        if rest:
            ray.wait(rest, num_returns=len(rest))  # what fails there shows when they measure
        if isinstance(found, str):
            raise UserError(found)
        return found.on(self.notes, others)

    def propose(self, operator: str, brief: Brief, author: str) -> Proposal:
        if author in self.aside:
            return self._aside.propose(operator, brief, author)
        return Working(self._author.propose.remote(operator, brief, author), self.seconds)

    def submit(self, key: Key, task: Task) -> None:
        self._turn += 1
        builder = self._devices[self._turn % len(self._devices)]
        self._pipeline.add(key, task, task.source, builder)

    def take(self, best_ms: BestMs) -> tuple[Key, Verdict]:
        while not self._came:
            self._go_on(best_ms)
        if self._beside:  # measuring goes on while the caller thinks about this verdict
            self._collect_builds()
            self._pipeline.start(self._devices, best_ms)
        return self._came.popleft()

    def _go_on(self, best_ms: BestMs) -> None:
        """Until something that was built or measured is there."""
        pipeline = self._pipeline
        if self._beside or not pipeline.building:
            pipeline.start(self._devices, best_ms)
        waited = [*pipeline.building, *(pipeline.flying if self._beside or not pipeline.building else ())]
        started = time.perf_counter()
        (done, *_), _ = ray.wait(waited)
        if not pipeline.flying:
            self.seconds["build"] += time.perf_counter() - started
        if done in pipeline.building:
            self._came += pipeline.built(done, self._devices)
        else:
            self._collect(done)

    def _collect_builds(self) -> None:
        """Those that are done."""
        if building := [*self._pipeline.building]:
            for done in ray.wait(building, num_returns=len(building), timeout=0)[0]:
                self._came += self._pipeline.built(done, self._devices)

    def clear(self) -> None:
        """A measurement under way goes on: the next one of its device queues behind it."""
        self._pipeline = Pipeline()
        self._came.clear()
        for device in self._devices:
            device.current = None

    def _collect(self, done: ray.ObjectRef) -> None:
        device = self._pipeline.flying.pop(done)
        came = device.collect(done)
        if isinstance(came, ray.ObjectRef):
            self._pipeline.flying[came] = device
        elif came is None:
            self._lose(device)
        else:
            verdict, seconds = came
            self._came.append((device.current.key, verdict))
            device.current = None
            self.seconds["run"] += seconds / len(self._devices)

    def _lose(self, device: Device) -> None:
        """Gives a lost device's work to the others."""
        self._devices.remove(device)
        if not self._devices:
            raise ClusterLost("every measuring worker is lost; when the machines are back: egg resume")
        self._pipeline.reassign(device, self._devices)

    def renew(self, ahead: Sequence[Task] = ()) -> None:
        sources = [task.source for task in ahead]
        with suppress(*DIED):  # a worker that died comes back with seeds of its own
            ray.get([device.measurer.renew.remote(sources) for device in self._devices])

    def close(self) -> None:
        self._aside.close()
        for device in self._devices:
            device.close()
        ray.kill(self._author)
        if self._owns_ray:
            ray.shutdown()


@contextmanager
def shared_ray(address: str | None) -> Iterator[None]:
    """Ray for all campaigns that run inside, rather than for each anew."""
    if address != "none":
        _init(address)
    try:
        yield
    finally:
        ray.shutdown()


def _init(address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        if address not in (None, "local"):
            ray.init(address=address, **quiet)
        else:
            ray.init(
                address="local",
                num_cpus=len(os.sched_getaffinity(0)),
                include_dashboard=False,
                object_store_memory=OBJECT_STORE,
                **quiet,
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = address or "on this machine"
        message = str(error).splitlines()[0]
        raise UserError(f"Ray {where}: {message}; without Ray: --ray-address none") from None


def _places(kind: str) -> list[tuple[str, int]]:
    """(node id, how many builds at a time) of each measuring actor: one a GPU, or one a node where the CPU is what is
    measured."""
    found = []
    for node in ray.nodes():
        cores = int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0
        count = int(node["Resources"].get("GPU", 0)) if kind == "cuda" else 1
        found += [(node["NodeID"], max(1, cores // count)) for _ in range(count if cores else 0)]
    if not found:
        raise UserError(f"the Ray cluster has no {'GPU' if kind == 'cuda' else 'CPU'}; use --ray-address none or local")
    return found
