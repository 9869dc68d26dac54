"""A Thompson-sampling bandit over named arms whose rewards drift."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from math import log

FULL_REWARD = log(1.25)  # a gain of 25 % is as good as a success gets
MEMORY = 0.95  # how much of what an arm showed still counts a pull later: what paid off early stops paying


@dataclass
class Arm:
    successes: float = 0.0
    failures: float = 0.0
    pulls: int = 0
    gain: float = 0.0

    def sample(self, rng: random.Random) -> float:
        return rng.betavariate(1.0 + self.successes, 1.0 + self.failures)

    def update(self, gain: float) -> None:
        reward = min(1.0, gain / FULL_REWARD)
        self.successes = MEMORY * self.successes + reward
        self.failures = MEMORY * self.failures + 1.0 - reward
        self.pulls += 1
        self.gain += gain


class Bandit:
    """Arms appear when they are first named; an arm that was never pulled is optimistic (uniform)."""

    def __init__(self) -> None:
        self._arms: dict[str, Arm] = {}

    def rank(self, names: Iterable[str], rng: random.Random) -> list[str]:
        """`names`, the most promising of this draw first."""
        drawn = {name: self._arms.get(name, Arm()).sample(rng) for name in names}
        return sorted(drawn, key=lambda name: -drawn[name])

    def update(self, name: str, gain: float) -> None:
        """One pull of `name` that gained `gain` (log of a speedup, >= 0)."""
        self._arms.setdefault(name, Arm()).update(gain)

    def report(self) -> list[dict[str, float | int | str]]:
        """Arms by total gain: name, pulls, gain (log speedup, summed) and mean reward (0 to 1, recent pulls)."""
        return [
            {
                "name": name,
                "pulls": arm.pulls,
                "gain": arm.gain,
                "mean": (1.0 + arm.successes) / (2.0 + arm.successes + arm.failures),
            }
            for name, arm in sorted(self._arms.items(), key=lambda item: -item[1].gain)
        ]
