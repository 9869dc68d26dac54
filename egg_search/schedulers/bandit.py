"""A Thompson-sampling bandit over named arms whose rewards drift and whose pulls cost more or less."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log
from statistics import fmean

FULL_REWARD = log(1.25)  # a gain of 25 % is as good as a success gets
MEMORY = 0.95  # how much of what an arm showed still counts a pull later: what paid off early stops paying

Prior = tuple[float, float]  # successes and failures that an arm begins with


@dataclass
class Arm:
    successes: float = 0.0
    failures: float = 0.0
    pulls: int = 0
    gain: float = 0.0
    cost: float = 0.0  # of a pull, recent ones first; 0: not known

    def sample(self, rng: random.Random) -> float:
        return rng.betavariate(1.0 + self.successes, 1.0 + self.failures)

    def update(self, gain: float, cost: float) -> None:
        reward = min(1.0, gain / FULL_REWARD)
        self.successes = MEMORY * self.successes + reward
        self.failures = MEMORY * self.failures + 1.0 - reward
        self.pulls += 1
        self.gain += gain
        # The mean while there are few pulls, which then fades as rewards do.
        self.cost += (cost - self.cost) * max(1 / self.pulls, 1 - MEMORY)


class Bandit:
    """Arms appear when they are first named; an arm that was never pulled is optimistic (uniform, unless it has a
    prior) and costs what others do."""

    def __init__(self, priors: Mapping[str, Prior] | None = None) -> None:
        self._priors = dict(priors or {})
        self._arms: dict[str, Arm] = {}

    def draw(self, names: Iterable[str], rng: random.Random) -> dict[str, float]:
        """A plausible reward for a second with each of `names`, as Thompson sampling under a budget draws it."""
        pulled = [arm.cost for arm in self._arms.values() if arm.cost > 0]
        usual = fmean(pulled) if pulled else 1.0
        arms = {name: self._arms.get(name) or self._fresh(name) for name in names}
        return {name: arm.sample(rng) / (arm.cost or usual) for name, arm in arms.items()}

    def rank(self, names: Iterable[str], rng: random.Random) -> list[str]:
        """`names`, the most promising of this draw first."""
        drawn = self.draw(names, rng)
        return sorted(drawn, key=lambda name: -drawn[name])

    def update(self, name: str, gain: float, cost: float = 1.0) -> None:
        """One pull of `name` that gained `gain` (log of a speedup, >= 0) and cost `cost` (> 0, in any unit)."""
        if name not in self._arms:
            self._arms[name] = self._fresh(name)
        self._arms[name].update(gain, cost)

    def names(self) -> list[str]:
        """Those that were pulled, in the order in which they first were."""
        return list(self._arms)

    def report(self) -> list[dict[str, float | int | str]]:
        """Arms by total gain: name, pulls, gain (log speedup, summed), mean reward (0 to 1, recent pulls) and cost (of
        a recent pull)."""
        return [
            {
                "name": name,
                "pulls": arm.pulls,
                "gain": arm.gain,
                "mean": (1.0 + arm.successes) / (2.0 + arm.successes + arm.failures),
                "cost": arm.cost,
            }
            for name, arm in sorted(self._arms.items(), key=lambda item: -item[1].gain)
        ]

    def _fresh(self, name: str) -> Arm:
        return Arm(*self._priors.get(name, (0.0, 0.0)))
