"""One timing session: sides take turns in random order on the same inputs, until a decision can be made."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from egg_search.core.verdict import Interval
from evaluator.settings import TimingRule
from evaluator.timing.statistics import ratio_interval, relative_width

_HOPELESS = 2.0  # so many times slower than the best: two rounds tell
_NOISY, _PATIENCE = 0.3, 3  # an interval wider than this (relative) is worth this many times the rule's seconds
_FLOOR = 0.05  # share of a raw time that remains at the least when the null call is subtracted


@dataclass
class Samples:
    """Seconds by side, in the order of rounds; the null call's cost is already taken off."""

    sides: dict[str, list[float]] = field(default_factory=dict)
    rounds: int = 0
    stopped_early: bool = False


@dataclass(frozen=True)
class Goal:
    """What a session wants to know: the ratio of `anchor` to `candidate`, and whether it is below `best` clearly
    (by `loss`, e.g. 1.1), in which case nothing more exact is needed."""

    candidate: str
    anchor: str
    quantile: float
    best: float | None = None  # the ratio that the best so far has reached
    loss: float = 1.1

    def ratio(self, samples: Samples, random: np.random.Generator) -> Interval:
        return ratio_interval(samples.sides[self.anchor], samples.sides[self.candidate], self.quantile, random)


def run_session(
    sides: dict[str, Callable[[int], float]], goal: Goal, rule: TimingRule, null: float, random: np.random.Generator
) -> Samples:
    """`sides` maps a name to a function that makes one call in round `i` and returns its raw seconds.

    The first round warms every side up and is dropped. The verifier itself keeps to one thread meanwhile: threads of
    its own pool would go on spinning on the workers' cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _rounds(sides, goal, rule, null, random)
    finally:
        torch.set_num_threads(threads)


def _rounds(
    sides: dict[str, Callable[[int], float]], goal: Goal, rule: TimingRule, null: float, random: np.random.Generator
) -> Samples:
    samples = Samples({name: [] for name in sides})
    begin = time.perf_counter()
    for index in range(rule.max_rounds + 1):
        for name in random.permutation(list(sides)):
            raw = sides[name](index)
            if index:
                samples.sides[name].append(max(raw - null, _FLOOR * raw))
        samples.rounds = index
        if index and _decided(samples, goal, rule, random, spent=time.perf_counter() - begin):
            break
    return samples


def _decided(samples: Samples, goal: Goal, rule: TimingRule, random: np.random.Generator, spent: float) -> bool:
    if samples.rounds < 2:
        return False
    ratio = goal.ratio(samples, random)
    if goal.best is not None:
        hopeless = ratio.value * _HOPELESS < goal.best
        loses = samples.rounds >= rule.min_rounds and ratio.high * goal.loss < goal.best
        if hopeless or loses:
            samples.stopped_early = True
            return True
    width = relative_width(ratio)
    late = spent > rule.seconds * (_PATIENCE if width > _NOISY else 1)
    return samples.rounds >= rule.min_rounds and (late or width < rule.width)
