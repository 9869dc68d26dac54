"""Steps whose authors are at work: planned when what they wrote arrives. Some take their time, and are asked ahead,
several steps at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from egg_search.cluster import Proposal
from egg_search.core.step import Step


class Asking:
    """`capacity` says how many steps each author that takes its time may be at."""

    def __init__(self, capacity: Mapping[str, int]) -> None:
        self._capacity = dict(capacity)
        self._asked: dict[int, tuple[Step, Proposal]] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def takes(self, author: str) -> bool:
        """Whether it takes its time, working or not."""
        return author in self._capacity

    def busy(self) -> Counter[str]:
        """How many steps authors are at."""
        return Counter(step.author for step, _ in self._asked.values())

    def idle(self) -> frozenset[str]:
        """Those that take their time and may be asked more."""
        busy = self.busy()
        return frozenset(name for name, most in self._capacity.items() if busy[name] < most)

    def add(self, step: Step, proposal: Proposal) -> None:
        self._asked[step.number] = step, proposal

    def retire(self, author: str) -> None:
        """It is not asked any more."""
        self._capacity[author] = 0

    def arrived(self) -> Iterator[tuple[Step, Proposal]]:
        """What need not be waited for, in the order of steps; it is handed over."""
        for number in [number for number, (_, proposal) in sorted(self._asked.items()) if proposal.ready()]:
            yield self._asked.pop(number)
