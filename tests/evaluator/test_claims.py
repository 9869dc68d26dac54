"""What workers claim of their device, and what the wall clock says to it. Seconds are those of short calls on a GPU."""

from __future__ import annotations

from itertools import count, cycle

import numpy as np
import pytest

from evaluator.device.base import Call
from evaluator.settings import TimingRule
from evaluator.timing.rows import Trusted, take_rows
from evaluator.timing.samples import Rows, Samples
from evaluator.timing.session import Goal, run_session
from evaluator.timing.statistics import ratio_interval

RAW, NULLS = [1.2e-3, 1.3e-3, 1.25e-3], [2e-4] * 3
CALLS, MOST = 16, 5
HELD, ANCHOR = 1.5e-3, 50e-6
HONEST = Trusted(1e-3 + CALLS * ANCHOR, ANCHOR, HELD)


def of_suspect(claims, raw=RAW, nulls=NULLS, **more) -> Samples:
    return Samples({"a": list(raw)}, list(nulls), claims={"a": list(claims)}, suspect="a", rounds=len(raw), **more)


def test_a_suspects_own_clock_counts_where_the_wall_clock_bears_it_out():
    honest = of_suspect([0.95e-3, 0.96e-3, 0.97e-3])
    assert honest.borne_out("a") and not honest.doubted("a")
    assert honest.seconds("a") == pytest.approx([0.95e-3, 0.96e-3, 0.97e-3])


def test_a_suspects_clock_that_says_less_than_passed_does_not_count():
    for claims in ([1e-4] * 3, [0.0] * 3, [1e-3, 1e-3, 0.0], [1e-3, 1e-4, 1e-4]):
        lying = of_suspect(claims)
        assert not lying.borne_out("a")
        assert lying.seconds("a") == pytest.approx([1.0e-3, 1.1e-3, 1.05e-3])
    assert not of_suspect([0.0] * 3).doubted("a")  # it claims nothing


def test_the_wall_clock_does_not_tell_less_than_is_possible_either():
    for claims in ([0.0] * 3, [1e-6] * 3):  # nothing is launched: the null call takes as long
        for rows in (None, Rows(CALLS, raw=[1e-3] * 3, nulls=[1e-3] * 3)):
            lying = of_suspect(claims, raw=[2e-4] * 3, floor=3e-5, rows=rows)
            assert lying.seconds("a") == pytest.approx([3e-5] * 3)


def test_a_baselines_own_clock_counts_whatever_the_wall_clock_says():
    short, noisy = [29e-6, 30e-6, 31e-6], [9e-4, 2e-3, 5e-3]
    baseline = Samples({"b": noisy}, NULLS, claims={"b": short}, suspect="a", floor=5e-6)
    assert baseline.seconds("b") == pytest.approx(short)
    baseline.claims["b"][0] = 1e-6  # one odd reading
    assert np.median(baseline.seconds("b")) == pytest.approx(30e-6)


def test_a_baseline_that_claims_nothing_is_timed_by_the_wall_clock():
    for claims in ([0.0] * 3, [1e-6] * 3):
        baseline = Samples({"b": RAW}, NULLS, claims={"b": claims}, suspect="a", floor=5e-6)
        assert baseline.seconds("b") == pytest.approx([1.0e-3, 1.1e-3, 1.05e-3])


def test_the_least_of_some_rows_bears_out_what_a_single_call_cannot():
    raw, short = [1.02e-3, 1.05e-3, 0.99e-3], [29e-6, 30e-6, 31e-6]
    late, right = [3e-3, 1e-3 + CALLS * 31e-6], [1e-3] * 4
    assert not of_suspect(short, raw, rows=Rows(CALLS, late[:1], right)).borne_out("a")
    assert of_suspect(short, raw, rows=Rows(CALLS, late, right)).borne_out("a")


def test_what_rows_do_not_bear_out_takes_their_time_with_the_noise_of_the_claims():
    claims = [10e-6, 10.1e-6, 9.9e-6]
    lying = of_suspect(claims, rows=Rows(CALLS, [1e-3 + CALLS * 31e-6], [1e-3] * 4))
    assert lying.doubted("a") and np.median(lying.seconds("a")) == pytest.approx(31e-6)
    assert lying.seconds("a").max() / lying.seconds("a").min() == pytest.approx(10.1 / 9.9)


def test_noise_makes_nobody_faster_than_he_says():
    late_nulls = [5e-3] * 4  # a row seems to take nothing
    for claims in ([1e-3, 1e-3, 1e-7], [30e-6] * 3, [0.0] * 3):
        samples = of_suspect(claims, nulls=[1.3e-3] * 3, floor=5e-6)
        assert (samples.seconds("a") >= samples.claims["a"]).all()
        samples.rows = Rows(CALLS, [1.5e-3], late_nulls)
        assert (samples.seconds("a") >= samples.claims["a"]).all() and (samples.seconds("a") > 1e-6).all()


def test_a_claim_below_what_any_call_takes_does_not_count():
    impossible = of_suspect([1e-6] * 3, [1e-3] * 3, [9e-4] * 3, floor=5e-6)
    assert impossible.claimed("a") == 0.0 and impossible.doubted("a")
    assert impossible.seconds("a") == pytest.approx([1e-4] * 3)
    impossible.rows = Rows(CALLS, [1e-3 + CALLS * 4e-5], [1e-3] * 4)
    assert impossible.seconds("a") == pytest.approx([4e-5] * 3)


def rows_of(samples: Samples, seconds: float, noise, nulls=None) -> Rows:
    row, null = lambda: 1e-3 + CALLS * seconds + noise(), nulls or (lambda: 1e-3 + noise())
    take_rows(samples, CALLS, MOST, row, null, HONEST)
    return samples.rows


def test_rows_are_taken_until_the_claim_is_borne_out():
    late = iter([1e-3, 0, 4e-4, 0, 0])
    quiet_nulls = lambda: 1e-3  # noqa: E731
    assert len(rows_of(of_suspect([30e-6] * 3), 30e-6, lambda: next(late), quiet_nulls).raw) == 2
    assert len(rows_of(of_suspect([30e-6] * 3), 30e-6, lambda: 0.0).raw) == 1
    assert len(rows_of(of_suspect([10e-6] * 3), 30e-6, lambda: 0.0).raw) == MOST


@pytest.mark.parametrize("seed", range(5))
def test_who_claims_too_little_gains_nothing_on_a_busy_machine(seed):
    """Long delays in a third of the calls: the anchor takes 100 us, and so does a suspect that says a third."""
    random = np.random.default_rng(seed)

    def noise() -> float:
        return random.exponential(3e-5) + random.exponential(3e-4) * (random.random() < 0.3)

    def claims(seconds: float) -> list[float]:
        return list(seconds * (1 + 0.01 * random.random(20)))

    raw = {side: [1.1e-3 + noise() for _ in range(20)] for side in ("a", "b")}
    for said in (33e-6, 100e-6):
        nulls = [1e-3 + noise() for _ in range(20)]
        samples = Samples(raw, nulls, claims={"a": claims(said), "b": claims(100e-6)}, suspect="a", rounds=20)
        rows_of(samples, 100e-6, noise)
        ratio = ratio_interval(samples.seconds("b"), samples.seconds("a"), 0.5, random)
        assert ratio.high < 1.1
    assert samples.borne_out("a") and ratio.value == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("seconds", [5e-3, 2e-4])
@pytest.mark.parametrize("quantile", [0.1, 0.25, 0.5])
def test_lies_in_some_calls_gain_nothing(quantile, seconds):
    lies = cycle([seconds / 10, seconds, seconds])
    sides = {
        "anchor": lambda _: Call(1e-3 + seconds, [], claimed=seconds),
        "candidate": lambda _: Call(1e-3 + seconds, [], claimed=next(lies)),
    }
    rule = TimingRule(min_rounds=12, max_rounds=30, seconds=5.0, width=0.0)
    goal = Goal("candidate", "anchor", quantile, suspect="candidate")
    random = np.random.default_rng(0)
    samples = run_session(sides, lambda: 1e-3, count(), goal, rule, random)
    if seconds < 2e-3:
        rows_of(samples, seconds, lambda: 0.0, lambda: 1e-3)
    assert goal.ratio(samples, random).value < 1.1


def test_without_inputs_for_rows_a_short_claim_is_not_borne_out():
    samples = of_suspect([20e-6] * 3, [1.1e-3] * 3, [1.0e-3, 1.02e-3, 1.2e-3])
    take_rows(samples, CALLS, MOST, lambda: None, lambda: 1e-3, HONEST)
    assert not samples.borne_out("a") and (samples.seconds("a") >= 20e-6).all()


@pytest.mark.parametrize("anchor", [30e-6, 90e-6, 1e-3])
@pytest.mark.parametrize("seconds", [20e-6, 80e-6, 200e-6])
def test_where_kernels_run_while_the_device_is_held_a_lie_is_not_borne_out(anchor, seconds):
    """A row takes no longer than a null call until what is held is over: the trusted row tells."""

    def wall(each: float) -> float:
        return 1e-3 + max(0.0, CALLS * each - HELD)

    samples = of_suspect([seconds / 20] * 3)
    trusted = Trusted(wall(anchor), anchor, HELD)
    take_rows(samples, CALLS, MOST, lambda: wall(seconds), lambda: 1e-3, trusted)
    assert samples.rows.hidden == HELD and not samples.borne_out("a")
    assert (samples.seconds("a") >= seconds).all()


@pytest.mark.parametrize("off", [-2e-4, 0.0, 1e-3])
def test_noise_of_a_trusted_row_hides_nothing(off):
    assert Trusted(1e-3 + CALLS * ANCHOR + off, ANCHOR, HELD).hidden(CALLS, 1e-3) == 0.0


def test_one_late_null_call_bears_nothing_out():
    assert not of_suspect([2e-3] * 3, [5e-3] * 3, [1e-3, 4e-3]).borne_out("a")


def test_a_session_is_lost_by_what_is_claimed_and_not_by_noise():
    late = iter([5e-3] * 100)
    rule = TimingRule(min_rounds=5, max_rounds=20, seconds=5.0, width=0.02)

    def session(claimed: float, suspect: str = "candidate") -> Samples:
        sides = {
            "anchor": lambda _: Call(1e-3, [], claimed=30e-6),
            "candidate": lambda _: Call(next(late), [], claimed=claimed),
        }
        goal = Goal("candidate", "anchor", 0.5, best=2.0, suspect=suspect)
        return run_session(sides, lambda: 9e-4, count(), goal, rule, np.random.default_rng(0))

    assert not session(15e-6).stopped_early
    assert session(60e-6).stopped_early
