"""One timing session: sides take turns in random order on the same inputs, until a decision can be made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import TypeVar

import numpy as np
import torch

from egg_search.core.errors import TooLarge
from egg_search.core.verdict import Interval
from evaluator.settings import TimingRule
from evaluator.timing.samples import Reading, Samples
from evaluator.timing.statistics import ratio_interval, relative_width

_HOPELESS = 2.0  # so many times slower than the best: two rounds tell
_FEWEST = 3  # rounds tell an interval
_NOISY, _PATIENCE = 0.3, 2  # an interval wider than this (relative) is worth this many times the rule's seconds
Inputs = TypeVar("Inputs")


@dataclass(frozen=True)
class Goal:
    """What a session wants to know: the ratio of `anchor` to `candidate`, and whether it is below `best` clearly
    (by `loss`, e.g. 1.1), in which case nothing more exact is needed. The claims of `suspect` have to be borne out,
    by null calls in every `null_every`th round. `alone` are the seconds that are seen on the device where no worker has
    a turn, `beside` those that are seen beside a call where there is no candidate."""

    candidate: str
    anchor: str
    quantile: float
    best: float | None = None  # the ratio that the best so far has reached
    loss: float = 1.1
    floor: float = 0.0  # seconds that no call can take less than
    suspect: str = ""
    null_every: int = 1
    alone: float = 0.0
    beside: float = inf

    def ratio(self, samples: Samples, random: np.random.Generator) -> Interval:
        return ratio_interval(samples.seconds(self.anchor), samples.seconds(self.candidate), self.quantile, random)


def run_session(
    sides: dict[str, Callable[[Inputs], Reading]],
    null: Callable[[], Reading],
    inputs: Iterator[Inputs],
    goal: Goal,
    rule: TimingRule,
    random: np.random.Generator,
) -> Samples:
    """`sides` maps a name to a function that makes one call, `null` makes one that computes nothing. All calls of a
    round are on the same one of `inputs`, and no other round is; it ends with them.

    The first round warms every side up and is dropped. The verifier itself keeps to one thread
    meanwhile: threads of its own pool would go on spinning on the workers' cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _rounds(sides, null, inputs, goal, rule, random)
    finally:
        torch.set_num_threads(threads)


def _rounds(
    sides: dict[str, Callable[[Inputs], Reading]],
    null: Callable[[], Reading],
    inputs: Iterator[Inputs],
    goal: Goal,
    rule: TimingRule,
    random: np.random.Generator,
) -> Samples:
    told = {name: getattr(goal, name) for name in ("floor", "suspect", "quantile", "alone", "beside")}
    samples = Samples({name: [] for name in sides}, **told)
    begin = time.perf_counter()
    for index, drawn in zip(range(rule.max_rounds + 1), inputs, strict=False):
        names = [*sides]
        if (index - 1) % goal.null_every == 0:
            names.append(None)
        for turn in random.permutation(len(names)):
            name = names[turn]
            reading = null() if name is None else sides[name](drawn)
            if index and name is None:
                samples.record_null(reading)
            elif index:
                samples.record(name, reading)
        samples.rounds = index
        if index and _decided(samples, goal, rule, random, spent=time.perf_counter() - begin):
            break
    if samples.rounds < min(_FEWEST, rule.max_rounds) and not samples.stopped_early:
        raise TooLarge("the device has no room for the inputs of timed calls: make the problem smaller (--set)")
    return samples


def _decided(samples: Samples, goal: Goal, rule: TimingRule, random: np.random.Generator, spent: float) -> bool:
    if samples.rounds < 2:
        return False
    ratio = goal.ratio(samples, random)
    enough, few = samples.rounds >= rule.min_rounds, samples.rounds >= (rule.few_rounds or rule.min_rounds)
    known = enough or not samples.unseen(goal.candidate)  # else it may yet be seen
    if goal.best is not None and known:
        hopeless = ratio.value * _HOPELESS < goal.best
        if hopeless or (few and ratio.high * goal.loss < goal.best):
            samples.stopped_early = True
            return True
    width = relative_width(ratio)
    late = spent > rule.seconds * (_PATIENCE if width > _NOISY else 1)
    return (enough and (late or width < rule.width)) or (few and width < rule.width / 2)
