"""Where the time goes: what authors, builds and runs take, and the engine's own, which is all the rest."""

from __future__ import annotations

import time
from collections import Counter

from egg_search.cluster import Cluster


class Timers:
    def __init__(self, cluster: Cluster) -> None:
        self.total: Counter[str] = Counter()
        self._cluster = cluster
        self._workers, self._at = Counter(cluster.seconds), time.monotonic()

    def lap(self) -> dict[str, float]:
        """Seconds since the last lap, by "author", "build", "run" and "engine"."""
        workers, now = Counter(self._cluster.seconds), time.monotonic()
        spent = {kind: workers[kind] - self._workers[kind] for kind in ("author", "build", "run")}
        spent["engine"] = max(0.0, now - self._at - sum(spent.values()))
        self._workers, self._at = workers, now
        self.total.update(spent)
        return spent
