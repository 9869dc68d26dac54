"""Fresh secret inputs for every timed call of a judgement, with eager's outputs but without float64 truth: cheap."""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from egg_search.core.verdict import Errors
from evaluator.correctness.checks import Check, Finding
from evaluator.correctness.nearness import EagerOutput, Nearness, nearness_of
from evaluator.correctness.reference import NO_ROOM, OWN_INPUTS, Case, Reference, bytes_of, check_form
from evaluator.protocol.memory import tensors_of


@dataclass(frozen=True)
class FreshCase:
    """Handled as a `Case` is. What is not near eager's results is decided by the case with truth of the same seed."""

    arguments: list[Any]
    structure: str
    eager: tuple[EagerOutput, ...]
    changes: dict[int, EagerOutput]
    nearness: tuple[Nearness | None, ...] = field(repr=False)
    truth: Callable[[], Case] = field(repr=False)
    seed: int
    shared: tuple[bool, ...] = ()
    name: ClassVar[str] = OWN_INPUTS
    buffers: ClassVar[dict[str, Check]] = {}

    @property
    def bytes(self) -> int:
        return bytes_of(tensors_of(self.arguments)) + sum(each.bytes for each in (*self.eager, *self.changes.values()))

    def check_form(self, outputs: list[torch.Tensor], structure: str = "") -> Finding | None:
        """A finding when number, shapes or dtypes of the outputs are wrong, or what is known of their structure."""
        return check_form(outputs, [each.form for each in self.eager], structure, self.structure)

    def decider(self, results: list[torch.Tensor], shown: Errors) -> Case | None:
        """The case that has to judge the results; None where they are as near to eager's as `shown` lets expect."""
        expected = (*self.eager, *self.changes.values())
        near = len(self.nearness) == len(expected) and all(
            check is not None and check(result, eager, shown)
            for check, result, eager in zip(self.nearness, results, expected, strict=True)
        )
        return None if near else self.truth()


class FreshInputs:
    """Sets of the problem's own inputs, kept from one judgement to the next: no worker is shown one twice, nor can it
    tell another what it saw. `own_cases` gives the cases whose limits say what is near, `truth` the case of a
    seed; at most `most` sets and `most_bytes` bytes are kept."""

    def __init__(
        self,
        reference: Reference,
        own_cases: Callable[[], list[Case]],
        truth: Callable[[int], Case],
        source: random.Random,
        most: int,
        most_bytes: int,
    ) -> None:
        self._reference, self._own_cases, self._truth, self._random = reference, own_cases, truth, source
        self._most, self._most_bytes = most, most_bytes
        self._seconds = math.inf  # to draw a set
        self.renew()

    def renew(self) -> None:
        """Forgets every set."""
        self._kept: deque[FreshCase] = deque()
        self._bytes = 0
        self._nearness: tuple[Nearness | None, ...] | None = None  # of outputs, and of the arguments `_changes`
        self._changes: list[int] = []

    def prepare(self, seconds: float) -> None:
        """Draws sets until there are as many as are kept, for about `seconds` at the most."""
        end, kept = time.perf_counter() + seconds, -1
        while kept < len(self._kept) < self._most and time.perf_counter() < end:
            kept = len(self._kept)  # no more than before: the bytes are used up
            self._draw()

    def judgement(self, seen: set[Hashable]) -> Iterator[FreshCase]:
        """Sets for the calls of one judgement, none of which is among the seeds `seen`, where they are noted: those
        kept, then new ones, which take the places of the oldest. It ends where the device has no room for another
        one."""
        kept = self._unseen(seen)
        self._random.shuffle(kept)
        with suppress(*NO_ROOM):
            while True:
                case = kept.pop() if kept else self._draw()
                seen.add(case.seed)
                yield case

    def cost(self, count: int, seen: Collection[Hashable]) -> float:
        """Seconds that so many sets take for a worker that was shown those with the seeds `seen`."""
        missing = count - len(self._unseen(seen))
        return missing * self._seconds if missing > 0 else 0.0

    def _unseen(self, seen: Collection[Hashable]) -> list[FreshCase]:
        return [case for case in self._kept if case.seed not in seen]

    def _draw(self) -> FreshCase:
        if self._nearness is None:
            own = self._own_cases()
            checks = zip(*((*case.checks, *case.changes.values()) for case in own), strict=False)
            self._nearness, self._changes = tuple(nearness_of(each) for each in checks), list(own[0].changes)
        seed, begin = self._random.randrange(1 << 31), time.perf_counter()
        arguments = self._reference.inputs(seed)
        eager = self._reference.eager(arguments)
        self._reference.give_back()
        outputs = tuple(map(EagerOutput.of, eager.outputs))
        changes = {position: EagerOutput.of(value) for position, value in eager.changes.items()}
        nearness = self._nearness if list(changes) == self._changes else ()
        truth, shared = (lambda: self._truth(seed)), eager.shared
        case = FreshCase(arguments, eager.structure, outputs, changes, nearness, truth, seed, shared)
        self._seconds = time.perf_counter() - begin
        self._kept.append(case)
        self._bytes += case.bytes
        while self._bytes > self._most_bytes or len(self._kept) > self._most:
            self._bytes -= self._kept.popleft().bytes
        return case
