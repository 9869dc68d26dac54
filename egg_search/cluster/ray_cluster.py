"""Authors, builds and measurements as Ray actors and tasks, on this machine or on a cluster."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # else 15: what measures would wait for everybody

import ray
from ray.exceptions import RayActorError

from egg_search.cluster import ray_workers
from egg_search.cluster.aside import Aside
from egg_search.cluster.base import BestMs, ClusterLost, Proposal, Task, Waiting, Workshop, lookahead_on
from egg_search.cluster.batch import Batch
from egg_search.cluster.device import DIED, Device
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from operators.base import AuthorError, Brief, Draft, Refusal

OBJECT_STORE = 128 << 20  # candidates are text


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
        self.lookahead = lookahead_on(workshop.hardware)
        self._prepared: dict[str, tuple[Device, ray.ObjectRef]] = {}  # by source: what is being built already
        self._turn = 0
        self._devices = [Device(workshop, *place) for place in _places(workshop.hardware.kind)]
        self.notes = self._drop_others(workshop.hardware)

    @property
    def devices(self) -> int:
        return len(self._devices)

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
        try:
            found = ray.get(self._devices[0].measurer.survey.remote())
            others = ray.get([device.measurer.others.remote() for device in self._devices])
        except DIED as error:
            raise ClusterLost(f"the measuring worker does not start, or dies: {str(error).splitlines()[0]}") from None
        if isinstance(found, str):
            raise UserError(found)
        return found.on(self.notes, others)

    def propose(self, operator: str, brief: Brief, author: str) -> Proposal:
        if author in self.aside:
            return self._aside.propose(operator, brief, author)
        reference = self._author.propose.remote(operator, brief, author)

        def wait() -> list[Draft | Refusal]:
            try:
                drafts, seconds = ray.get(reference)
            except RayActorError as error:
                raise AuthorError(f"its worker died: {str(error).splitlines()[0]}") from None
            self.seconds["author"] += seconds
            if isinstance(drafts, str):
                raise AuthorError(drafts)
            return drafts

        return Waiting(wait)

    def prepare(self, tasks: Sequence[Task]) -> None:
        if self.lookahead > 1:
            for task in tasks:
                source = task.candidate.bound(task.configuration)
                self._prepared[source] = self._build(source)

    def judge(self, tasks: Sequence[Task], best_ms: BestMs) -> Iterator[tuple[int, Verdict]]:
        for device in self._devices:
            device.current = None  # a batch that was left may still be measuring: the next one queues behind it
        sources = [task.candidate.bound(task.configuration) for task in tasks]
        batch = Batch(tasks, sources, [self._build(source) for source in sources], best_ms)
        started = time.perf_counter()
        while batch.building and self.lookahead == 1:
            yield from batch.built(next(iter(batch.building)), self._devices)
        while True:
            batch.start(self._devices)
            if not batch.flying:
                self.seconds["build"] += time.perf_counter() - started
            if not (waited := [*batch.building, *batch.flying]):
                return
            started = time.perf_counter()
            (done, *_), _ = ray.wait(waited)
            if not batch.flying:
                self.seconds["build"] += time.perf_counter() - started
                started = time.perf_counter()
            yield from batch.built(done, self._devices) if done in batch.building else self._collect(done, batch)

    def _build(self, source: str) -> tuple[Device, ray.ObjectRef]:
        """By one device's builders after the other's."""
        if source in self._prepared:
            return self._prepared.pop(source)
        self._turn += 1
        device = self._devices[self._turn % len(self._devices)]
        return device, device.build(source)

    def _collect(self, done: ray.ObjectRef, batch: Batch) -> Iterator[tuple[int, Verdict]]:
        device = batch.flying.pop(done)
        came = device.collect(done)
        if isinstance(came, ray.ObjectRef):
            batch.flying[came] = device
        elif came is None:
            self._lose(device, batch)
        else:
            (verdict, seconds), (index, *_) = came, device.current
            device.current = None
            self.seconds["run"] += seconds / len(self._devices)
            yield index, verdict

    def _lose(self, device: Device, batch: Batch) -> None:
        """Gives a lost device's work to the others."""
        self._devices.remove(device)
        if not self._devices:
            raise ClusterLost("every measuring worker is lost; when the machines are back: egg resume")
        batch.reassign(device, self._devices)

    def renew(self) -> None:
        with suppress(*DIED):  # a worker that died comes back with seeds of its own
            ray.get([device.measurer.renew.remote() for device in self._devices])

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
