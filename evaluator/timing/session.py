"""One timing session: sides take turns in random order on the same inputs, until a decision can be made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import torch

from egg_search.core.verdict import Interval
from evaluator.settings import TimingRule
from evaluator.timing.statistics import ratio_interval, relative_width

_HOPELESS = 2.0  # so many times slower than the best: two rounds tell
_NOISY, _PATIENCE = 0.3, 2  # an interval wider than this (relative) is worth this many times the rule's seconds
_FLOOR = 0.05  # share of a raw time that remains at the least when the null call is subtracted
_LOW = 0.1  # quantile of the null calls that is subtracted: noise only ever adds time
# A worker's claim counts from this share of the wall clock's time on, less the noise of that clock and some seconds.
_BORNE_OUT, _SLACK = 0.9, 3e-6
Inputs = TypeVar("Inputs")


class Reading(Protocol):
    """One call: raw `seconds` on the verifier's clock; what the worker `claimed` that its device took (0: nothing), and
    that it took until all was launched."""

    seconds: float
    claimed: float
    launch: float


@dataclass
class Samples:
    """Raw seconds by side and of the null calls between them, in the order of rounds; what workers claimed beside."""

    raw: dict[str, list[float]]
    nulls: list[float] = field(default_factory=list)
    claims: dict[str, list[float]] = field(default_factory=dict)
    launches: dict[str, list[float]] = field(default_factory=dict)
    floor: float = 0.0  # seconds that no call can take less than
    rows: dict[str, list[float]] = field(default_factory=dict)  # seconds of a call in rows of them, by the wall clock
    rounds: int = 0
    stopped_early: bool = False

    @property
    def null(self) -> float:
        """Seconds of a call that computes nothing."""
        return float(np.quantile(self.nulls, _LOW))

    def seconds(self, side: str) -> np.ndarray:
        """Seconds of the side's calls: as its worker claims, whose clock is nearer to the device, where the wall clock
        bears that out; else on the wall clock, without what a call costs by itself."""
        if self.borne_out(side):
            return np.asarray(self.claims[side])
        if side in self.rows:
            claimed = self.claimed(side)
            spread = np.asarray(self.claims[side]) / claimed if claimed else np.ones(self.rounds)
            return spread * np.median(self.rows[side])
        return self._on_the_wall(side)

    def claimed(self, side: str) -> float:
        """Seconds of a call as its worker claims; 0 where it claims nothing, or what is impossible."""
        claims = self.claims.get(side, ())
        return float(np.median(claims)) if len(claims) and min(claims) > self.floor else 0.0

    def borne_out(self, side: str) -> bool:
        """Whether the worker claims anything, nothing that is impossible, and hardly less than passed."""
        claimed = self.claimed(side)
        if not claimed:
            return False
        if side in self.rows:
            return claimed >= _BORNE_OUT * np.median(self.rows[side]) - _SLACK
        noise = np.subtract(*np.quantile(self.nulls, [0.75, 0.25]))
        least = _BORNE_OUT * (np.median(self.raw[side]) - np.median(self.nulls)) - noise - _SLACK
        return bool(claimed >= least)

    def doubted(self, side: str) -> bool:
        """Whether it claims something that the wall clock does not bear out."""
        return bool(np.any(self.claims.get(side, ()))) and not self.borne_out(side)

    def launch(self, side: str) -> float:
        """Seconds until all was launched, as the worker says; 0 where it says nothing."""
        return float(np.median(self.launches[side])) if self.launches.get(side) else 0.0

    def record(self, side: str, reading: Reading) -> None:
        self.raw[side].append(reading.seconds)
        self.claims.setdefault(side, []).append(reading.claimed)
        self.launches.setdefault(side, []).append(reading.launch)

    def _on_the_wall(self, side: str) -> np.ndarray:
        raw = np.asarray(self.raw[side])
        return np.maximum(raw - self.null, _FLOOR * raw)


@dataclass(frozen=True)
class Goal:
    """What a session wants to know: the ratio of `anchor` to `candidate`, and whether it is below `best` clearly
    (by `loss`, e.g. 1.1), in which case nothing more exact is needed."""

    candidate: str
    anchor: str
    quantile: float
    best: float | None = None  # the ratio that the best so far has reached
    loss: float = 1.1
    floor: float = 0.0  # seconds that no call can take less than

    def ratio(self, samples: Samples, random: np.random.Generator) -> Interval:
        return ratio_interval(samples.seconds(self.anchor), samples.seconds(self.candidate), self.quantile, random)


def run_session(
    sides: dict[str, Callable[[Inputs], Reading]],
    null: Callable[[], float],
    inputs: Iterator[Inputs],
    goal: Goal,
    rule: TimingRule,
    random: np.random.Generator,
) -> Samples:
    """`sides` maps a name to a function that makes one call, `null` returns the raw seconds of a call that computes
    nothing. All calls of a round are on the same one of `inputs`, and no other round is.

    The first round warms every side up and is dropped. The verifier itself keeps to one thread meanwhile: threads of
    its own pool would go on spinning on the workers' cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _rounds(sides, null, inputs, goal, rule, random)
    finally:
        torch.set_num_threads(threads)


def _rounds(
    sides: dict[str, Callable[[Inputs], Reading]],
    null: Callable[[], float],
    inputs: Iterator[Inputs],
    goal: Goal,
    rule: TimingRule,
    random: np.random.Generator,
) -> Samples:
    samples = Samples({name: [] for name in sides}, floor=goal.floor)
    names = [*sides, None]
    begin = time.perf_counter()
    for index in range(rule.max_rounds + 1):
        drawn = next(inputs)
        for turn in random.permutation(len(names)):
            name = names[turn]
            reading = null() if name is None else sides[name](drawn)
            if index and name is None:
                samples.nulls.append(reading)
            elif index:
                samples.record(name, reading)
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
