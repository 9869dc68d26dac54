"""Authors, builds and measurements as Ray actors and tasks, on this machine or on a cluster."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray.exceptions import RayActorError

from egg_search.cluster import ray_workers
from egg_search.cluster.base import BestMs, ClusterLost, Proposal, Task, Workshop
from egg_search.cluster.device import Device
from egg_search.core.errors import UserError
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from operators.base import AuthorError, Brief, Draft, Refusal

OBJECT_STORE = 128 << 20  # candidates are text


class RayCluster:
    """Uses Ray where this process has it already; else starts it here (`address` None or "local") or joins it there.

    One measuring actor a GPU, or a node where the CPU is measured.
    """

    def __init__(self, workshop: Workshop, address: str | None = None) -> None:
        self._owns_ray = not ray.is_initialized()
        if self._owns_ray:
            _init(workshop.hardware.cores, address)
        self.seconds: Counter[str] = Counter()
        self._author = ray_workers.AuthorWorker.remote(workshop)
        self._devices = [Device(workshop, node) for node in _nodes(workshop.hardware.kind)]

    @property
    def devices(self) -> int:
        return len(self._devices)

    def survey(self) -> Survey:
        try:
            found = ray.get(self._devices[0].measurer.survey.remote())
        except RayActorError as error:
            raise ClusterLost(f"the measuring worker does not start: {str(error).splitlines()[0]}") from None
        if isinstance(found, str):
            raise UserError(found)
        return found

    def propose(self, operator: str, brief: Brief, author: str) -> Proposal:
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

        return wait

    def judge(self, tasks: Sequence[Task], best_ms: BestMs) -> Iterator[tuple[int, Verdict]]:
        yield from self._build(tasks, queues := {device: deque() for device in self._devices})
        flying: dict[ray.ObjectRef, Device] = {}
        for device in self._devices:
            device.current = None  # a batch that was left may still be measuring: the next one queues behind it
        while queues or flying:
            for device in list(queues):
                if device.current is None and queues[device]:
                    index = queues[device].popleft()
                    flying[device.start(index, tasks[index], best_ms())] = device
                elif device.current is None:
                    del queues[device]
            if flying:
                (done, *_), _ = ray.wait(list(flying))
                yield from self._collect(done, flying, queues)

    def _build(self, tasks: Sequence[Task], queues: dict[Device, deque[int]]) -> Iterator[tuple[int, Verdict]]:
        """Builds each task where it will be measured; yields the failures and queues the rest."""
        started = time.perf_counter()
        places = [self._devices[index % len(self._devices)] for index in range(len(tasks))]
        sources = [task.candidate.bound(task.configuration) for task in tasks]
        references = [device.build(source) for device, source in zip(places, sources, strict=True)]
        for index, device in enumerate(places):
            if (failure := device.built(sources[index], references[index])) is None:
                queues[device].append(index)
            else:
                yield index, failure
        self.seconds["build"] += time.perf_counter() - started

    def _collect(
        self, done: ray.ObjectRef, flying: dict[ray.ObjectRef, Device], queues: dict[Device, deque[int]]
    ) -> Iterator[tuple[int, Verdict]]:
        device = flying.pop(done)
        came = device.collect(done)
        if isinstance(came, ray.ObjectRef):
            flying[came] = device
        elif came is None:
            self._lose(device, queues)
        else:
            (verdict, seconds), (index, *_) = came, device.current
            device.current = None
            self.seconds["run"] += seconds / len(self._devices)
            yield index, verdict

    def _lose(self, device: Device, queues: dict[Device, deque[int]]) -> None:
        """Gives a lost device's work to the others. They build it again: its cache is lost too."""
        self._devices.remove(device)
        left = [device.current[0], *queues.pop(device, ())]
        if not self._devices:
            raise ClusterLost("every measuring worker is lost; when the machines are back: egg resume")
        queues.setdefault(self._devices[0], deque()).extend(left)

    def renew(self) -> None:
        with suppress(RayActorError):  # a worker that died comes back with seeds of its own
            ray.get([device.measurer.renew.remote() for device in self._devices])

    def close(self) -> None:
        for device in self._devices:
            device.close()
        ray.kill(self._author)
        if self._owns_ray:
            ray.shutdown()


@contextmanager
def shared_ray(cores: int, address: str | None) -> Iterator[None]:
    """Ray for all campaigns that run inside, rather than for each anew."""
    if address != "none":
        _init(cores, address)
    try:
        yield
    finally:
        ray.shutdown()


def _init(cores: int, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        if address not in (None, "local"):
            ray.init(address=address, **quiet)
        else:
            ray.init(
                address="local",
                num_cpus=cores,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE,
                **quiet,
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = address or "on this machine"
        message = str(error).splitlines()[0]
        raise UserError(f"Ray {where}: {message}; without Ray: --ray-address none") from None


def _nodes(kind: str) -> list[str]:
    """A node id for each measuring actor: one a GPU, or one a node where the CPU is what is measured."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    if kind == "cuda":
        found = [node["NodeID"] for node in alive for _ in range(int(node["Resources"].get("GPU", 0)))]
    else:
        found = [node["NodeID"] for node in alive if node["Resources"].get("CPU")]
    if not found:
        raise UserError(f"the Ray cluster has no {'GPU' if kind == 'cuda' else 'CPU'}; use --ray-address none or local")
    return found
