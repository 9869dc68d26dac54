"""The tasks of one call of `RayCluster.judge`: what is being built, what waits for a device, what is measured."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import ray

from egg_search.cluster.base import BestMs, Task
from egg_search.cluster.device import Device, NodeLost
from egg_search.core.verdict import Verdict


class Batch:
    """`builds` are the devices that build each task, and what they promised. Whoever of a node's devices is free
    measures what was built there."""

    def __init__(
        self,
        tasks: Sequence[Task],
        sources: Sequence[str],
        builds: Sequence[tuple[Device, ray.ObjectRef]],
        best: BestMs,
    ) -> None:
        self._tasks, self._sources, self._best = tasks, sources, best
        self.building: dict[ray.ObjectRef, list[int]] = {}
        self._builders: dict[ray.ObjectRef, Device] = {}
        for index, (device, reference) in enumerate(builds):
            self.building.setdefault(reference, []).append(index)
            self._builders[reference] = device
        self._ready: dict[str, deque[int]] = {}  # by node
        self.flying: dict[ray.ObjectRef, Device] = {}

    def built(self, reference: ray.ObjectRef, devices: Sequence[Device]) -> Iterator[tuple[int, Verdict]]:
        """Waits for a build: yields its failure, or puts it up for measuring. What was lost with its node another one
        of `devices` will build."""
        builder, indices = self._builders[reference], self.building.pop(reference)
        node, failure = builder.node, None
        try:
            failure = builder.built(self._sources[indices[0]], reference)
        except NodeLost:
            node = next((device.node for device in devices if device.node != node), node)
        for index in indices:
            if failure is None:
                self._ready.setdefault(node, deque()).append(index)
            else:
                yield index, failure

    def start(self, devices: Sequence[Device]) -> None:
        """Gives every free device what waits for it."""
        for device in devices:
            waiting = self._ready.get(device.node)
            if device.current is None and waiting:
                index = waiting.popleft()
                self.flying[device.start(index, self._tasks[index], self._best())] = device

    def reassign(self, lost: Device, devices: Sequence[Device]) -> None:
        """What a lost device was measuring, and what its node had ready unless others measure there: they will build it
        again, for the cache is lost, too."""
        left = [lost.current[0]]
        if all(device.node != lost.node for device in devices):
            left += self._ready.pop(lost.node, ())
        self._ready.setdefault(devices[0].node, deque()).extend(left)
