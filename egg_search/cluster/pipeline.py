"""Tasks on their way through a Ray cluster: what is being built, what waits for a device, what is measured."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence

import ray

from egg_search.cluster.base import BestMs, Key, Task
from egg_search.cluster.device import Device, NodeLost, Submitted
from egg_search.core.verdict import Verdict


class Pipeline:
    """Whoever of a node's devices is free measures what was built there, what was submitted first before others."""

    def __init__(self) -> None:
        self.building: dict[ray.ObjectRef, tuple[Submitted, Device]] = {}
        self.flying: dict[ray.ObjectRef, Device] = {}
        self._ready: dict[str, list[Submitted]] = {}  # by node
        self._count = 0

    def add(self, key: Key, task: Task, source: str, builder: Device) -> None:
        self._count += 1
        self.building[builder.build(source)] = Submitted(self._count, key, task, source), builder

    def built(self, reference: ray.ObjectRef, devices: Sequence[Device]) -> Iterator[tuple[Key, Verdict]]:
        """Waits for a build: yields its failure, or puts it up for measuring. What was lost with its node another one
        of `devices` will build."""
        entry, builder = self.building.pop(reference)
        node, failure = builder.node, None
        try:
            failure = builder.built(entry.source, reference)
        except NodeLost:
            node = next((device.node for device in devices if device.node != node), node)
        if failure is None:
            insort(self._ready.setdefault(node, []), entry)
        else:
            yield entry.key, failure

    def start(self, devices: Sequence[Device], best_ms: BestMs) -> None:
        """Gives every free device what waits for it."""
        for device in devices:
            waiting = self._ready.get(device.node)
            if device.current is None and waiting:
                self.flying[device.start(waiting.pop(0), best_ms())] = device

    def reassign(self, lost: Device, devices: Sequence[Device]) -> None:
        """What a lost device was measuring, and what its node had ready unless others measure there: they will build it
        again, for the cache is lost, too."""
        left = [lost.current]
        if all(device.node != lost.node for device in devices):
            left += self._ready.pop(lost.node, ())
        for entry in left:
            insort(self._ready.setdefault(devices[0].node, []), entry)
