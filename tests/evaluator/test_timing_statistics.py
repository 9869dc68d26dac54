"""Statistics on synthetic samples, where the truth is known."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egg_search.core.errors import TooLarge
from evaluator.device.base import Call
from evaluator.settings import TimingRule
from evaluator.timing.samples import Samples
from evaluator.timing.session import Goal, run_session
from evaluator.timing.statistics import margin_of, ratio_interval

TIMES = st.lists(st.floats(1e-6, 10.0), min_size=2, max_size=40)


def _noisy(seed: int, base: float, n: int, neighbour: float = 0.0) -> list[float]:
    """A clean time, a little jitter, and 16 ms on top in a share of the calls."""
    random = np.random.default_rng(seed)
    return list(base * random.gamma(400, 1 / 400, n) + 0.016 * (random.random(n) < neighbour))


@given(TIMES, TIMES, st.floats(0.05, 0.9))
@settings(max_examples=50, deadline=None)
def test_intervals_contain_their_value(over, under, quantile):
    random = np.random.default_rng(0)
    ratio = ratio_interval(over, under, quantile, random)
    assert ratio.low <= ratio.value <= ratio.high


def test_ratio_is_found_beside_a_neighbour():
    ratio = ratio_interval(_noisy(1, 2e-3, 60, 0.5), _noisy(2, 1e-3, 60, 0.5), 0.1, np.random.default_rng(0))
    assert ratio.value == pytest.approx(2.0, rel=0.1) and ratio.low < 2.0 < ratio.high * 1.05


def test_equal_sides_have_a_small_margin():
    assert margin_of(_noisy(1, 1e-3, 40), _noisy(2, 1e-3, 40), 0.1) < 0.1
    assert margin_of([1.0, 1.0], [2.0, 2.0], 0.1) == pytest.approx(1.0)


def _session(candidate: float, best: float | None = None, noise: float = 0.01, null: float = 0.0):
    random = np.random.default_rng(3)
    sides = {
        "anchor": lambda _: Call(1e-3 * (1 + noise * random.random()) + null, []),
        "candidate": lambda _: Call(candidate * (1 + noise * random.random()) + null, []),
    }
    rule = TimingRule(min_rounds=5, max_rounds=50, seconds=5.0, width=0.02)
    return run_session(sides, lambda: Call(null, []), count(), Goal("candidate", "anchor", 0.1, best), rule, random)


def test_session_stops_when_the_interval_is_tight():
    assert _session(5e-4).rounds < 20
    assert _session(5e-4, noise=3.0).rounds > _session(5e-4).rounds


def test_session_stops_early_on_clear_losers_only():
    hopeless, loser, equal = _session(5e-3, best=2.0), _session(6e-4, best=2.0), _session(5e-4, best=2.0)
    assert hopeless.stopped_early and hopeless.rounds == 2
    assert loser.stopped_early and loser.rounds == 5
    assert not equal.stopped_early


@pytest.mark.parametrize(("noise", "rounds"), [(0.001, 3), (0.02, 5)])
def test_few_rounds_are_enough_where_they_agree(noise, rounds):
    random = np.random.default_rng(3)
    call = lambda _: Call(1e-3 * (1 + noise * random.random()), [])  # noqa: E731
    rule = TimingRule(min_rounds=5, max_rounds=50, seconds=5.0, width=0.02, few_rounds=3)
    goal = Goal("candidate", "anchor", 0.5)
    samples = run_session({"anchor": call, "candidate": call}, lambda: Call(0.0, []), count(), goal, rule, random)
    assert samples.rounds == rounds if rounds == 3 else samples.rounds >= rounds


def test_null_calls_where_they_are_dear():
    nulls = count()
    rule = TimingRule(min_rounds=5, max_rounds=5, seconds=5.0, width=0.0)
    goal = Goal("a", "b", 0.5, null_every=2)
    sides = {name: lambda _: Call(1e-3, []) for name in "ab"}
    samples = run_session(sides, lambda: Call(float(next(nulls)), []), count(), goal, rule, np.random.default_rng(0))
    assert samples.rounds == 5 and samples.nulls == [0.0, 1.0, 2.0]  # in rounds 1, 3 and 5, and in none that is dropped


def test_a_session_ends_with_its_inputs():
    sides = {name: lambda _: Call(1e-3, []) for name in "ab"}
    rule = TimingRule(min_rounds=5, max_rounds=50, seconds=5.0, width=0.0)
    run = lambda inputs: run_session(  # noqa: E731
        sides, lambda: Call(0.0, []), iter(range(inputs)), Goal("a", "b", 0.5), rule, np.random.default_rng(0)
    )
    assert run(4).rounds == 3
    with pytest.raises(TooLarge):
        run(1)


def test_null_is_taken_off_both_sides():
    samples = _session(5e-4, null=1e-3)
    assert len(samples.nulls) == samples.rounds and samples.null == pytest.approx(1e-3)
    goal = Goal("candidate", "anchor", 0.1)
    assert goal.ratio(samples, np.random.default_rng(0)).value == pytest.approx(2.0, rel=0.05)


def test_null_is_taken_off_before_a_session_gives_up():
    assert not _session(1e-4, best=10.0, null=5e-4).stopped_early  # raw times say 2.5 times as fast
    assert _session(1e-4, best=40.0, null=5e-4).stopped_early


def test_a_time_below_the_null_call_keeps_a_share():
    samples = Samples({"quick": [1e-4, 2e-4]}, nulls=[3e-4, 3e-4])
    assert samples.seconds("quick") == pytest.approx([5e-6, 1e-5])


def test_every_call_of_a_round_and_no_other_has_its_inputs():
    seen: dict[str, list[int]] = {"a": [], "b": []}
    sides = {name: lambda drawn, name=name: seen[name].append(drawn) or Call(1e-3, []) for name in seen}
    rule = TimingRule(min_rounds=3, max_rounds=3, seconds=5.0, width=0.02)
    run_session(sides, lambda: Call(0.0, []), count(), Goal("a", "b", 0.1), rule, np.random.default_rng(0))
    assert seen == {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}
