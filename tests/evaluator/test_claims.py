"""What workers claim of their device, and what the verifier's own clocks say to it. Seconds are those of calls on a
GPU: a short one passes on the wall clock in 1 ms and the noise, on the device in 0.3 ms and its own seconds."""

from __future__ import annotations

from itertools import count, cycle

import numpy as np
import pytest

from evaluator.device.base import Call
from evaluator.settings import TimingRule
from evaluator.timing.samples import Samples
from evaluator.timing.session import Goal, run_session
from evaluator.timing.statistics import ratio_interval

RAW, NULLS = [2.2e-3, 2.3e-3, 2.25e-3], [2e-4] * 3
BESIDE = 3e-4  # seconds on the device beside a forward


def of_suspect(claims, raw=RAW, nulls=NULLS, seconds=(), anchor=(50e-6, 50e-6), **more) -> Samples:
    """`seconds` that its calls take on the device (0: not seen); the same of the anchor's, which claims them."""
    seen = {"a": [each and BESIDE + each for each in seconds], "b": [BESIDE + each for each in anchor]}
    told = {"a": list(claims), "b": list(anchor)}
    return Samples({"a": list(raw)}, list(nulls), told, seen=seen, suspect="a", rounds=len(raw), **more)


def test_a_suspects_own_clock_counts_where_the_wall_clock_bears_it_out():
    honest = of_suspect([1.95e-3, 1.96e-3, 1.97e-3])
    assert honest.borne_out("a") and not honest.doubted("a")
    assert honest.seconds("a") == pytest.approx([1.95e-3, 1.96e-3, 1.97e-3])


def test_a_suspects_clock_that_says_less_than_passed_does_not_count():
    for claims in ([1e-4] * 3, [0.0] * 3, [2e-3, 2e-3, 0.0], [2e-3, 1e-4, 1e-4], [1.5e-3] * 3):
        lying = of_suspect(claims)
        assert not lying.borne_out("a")
        assert lying.seconds("a") == pytest.approx([2.0e-3, 2.1e-3, 2.05e-3])
    assert not of_suspect([0.0] * 3).doubted("a")  # it claims nothing


def test_of_a_short_call_the_wall_clock_bears_nothing_out():
    """Its noise is as long: what was not seen on the device takes what the wall clock says, however fast it was."""
    for raw in ([1.2e-3] * 3, [2.1e-4] * 3):
        samples = of_suspect([30e-6] * 3, raw, nulls=[2e-4, 9e-4, 2e-4])
        assert not samples.borne_out("a") and (samples.seconds("a") >= 30e-6).all()


def test_the_clock_on_the_device_bears_out_short_calls():
    claims = [29e-6, 30e-6, 31e-6]
    honest = of_suspect(claims, seconds=[29.4e-6, 30.2e-6, 31.3e-6])
    assert honest.borne_out("a") and honest.seconds("a") == pytest.approx(claims)
    for said in (0.95, 0.5, 0.03):
        lying = of_suspect([each * said for each in claims], seconds=claims)
        assert lying.doubted("a") and lying.seconds("a") == pytest.approx(claims)


def test_noise_of_the_wall_clock_is_nobodys_loss_where_the_device_was_seen():
    samples = of_suspect([30e-6] * 3, raw=[9e-3, 5e-3, 2e-3], seconds=[30e-6] * 3)
    assert samples.borne_out("a")


@pytest.mark.parametrize("seconds", [[0.0, 30e-6, 0.0, 30e-6], [0.0, 0.0, 30e-6, 90e-6]])
def test_half_of_the_calls_are_enough_to_be_seen(seconds):
    samples = of_suspect([30e-6] * 4, [1.1e-3] * 4, seconds=seconds)
    assert samples.borne_out("a") == (seconds[3] == 30e-6)
    assert len(samples.on_device("a")) == len(samples.seconds("a")) == 4
    assert of_suspect([30e-6] * 4, [1.1e-3] * 4, seconds=[0.0, 0.0, 0.0, 30e-6]).on_device("a") is None


def test_calls_that_were_watched_and_not_seen_do_not_count():
    """The device went back and forth in them: workers say so much more."""
    samples = of_suspect([30e-6, 310e-6, 30e-6, 30e-6], [1.1e-3] * 4, seconds=[30e-6, 0.0, 30e-6, 30e-6])
    assert samples.borne_out("a") and samples.seconds("a") == pytest.approx([30e-6] * 4)
    samples.claims["b"], samples.seen["b"] = [330e-6, 50e-6, 330e-6, 50e-6], [0.0, BESIDE + 5e-5, 0.0, BESIDE + 5e-5]
    samples.raw["b"] = [1.1e-3] * 4
    assert samples.seconds("b") == pytest.approx([50e-6] * 2)
    samples.claims["b"], samples.seen["b"] = [50e-6] * 9, [BESIDE + 5e-5] + [0.0] * 8  # one says little
    samples.raw["b"] = [1.1e-3] * 9
    assert len(samples.seconds("b")) == 9


def test_a_suspect_does_not_choose_which_of_its_calls_count():
    """A trick that works half of the time, in calls that it lets be seen."""
    seconds = [10e-6] * 4 + [0.0] * 4
    samples = of_suspect([10e-6] * 8, [1.1e-3] * 8, seconds=seconds, quantile=0.25)
    assert samples.seconds("a") == pytest.approx([10e-6] * 8)
    samples.seen["a"][3] = BESIDE + 30e-6
    assert np.quantile(samples.on_device("a"), 0.5) == pytest.approx(30e-6)


def test_what_is_beside_a_call_is_no_more_than_where_there_was_no_candidate():
    """Its queued work may come between what a baseline does and what the verifier does behind that."""
    samples = of_suspect([10e-6] * 3, seconds=[30e-6] * 3, beside=BESIDE)
    samples.seen["b"] = [each + 280e-6 for each in samples.seen["b"]]
    assert not samples.borne_out("a") and (samples.seconds("a") > 25e-6).all()


def test_what_is_beside_a_call_may_differ_between_baselines():
    seen = {"b": [BESIDE + 5e-5] * 3, "c": [BESIDE + 9e-5] * 3, "d": [0.0] * 3}
    samples = Samples({}, NULLS, {"b": [5e-5] * 3, "c": [8e-5] * 3, "d": [2e-3] * 3}, seen=seen)
    assert samples.largest_beside() == pytest.approx(BESIDE + 1e-5)
    nulls = Samples({}, NULLS, {"d": [2e-3]}, seen={"d": [0.0]}, seen_nulls=[0.0, BESIDE])
    assert nulls.largest_beside() == pytest.approx(BESIDE)
    assert Samples({}, NULLS).largest_beside() == float("inf")


def test_a_forged_nothing_is_something():
    samples = of_suspect([0.0] * 3, seconds=[1e-9] * 3)
    assert (samples.seconds("a") >= 1e-6).all()


def test_what_cannot_be_seen_is_not_said_to_be_contradicted():
    short, seen, long = of_suspect([30e-6] * 3), of_suspect([3e-6] * 3, seconds=[30e-6] * 3), of_suspect([1.5e-3] * 3)
    assert [each.unseen("a") for each in (short, seen, long)] == [True, False, False]
    assert all(each.doubted("a") for each in (short, seen, long))


def test_what_is_beside_a_call_is_known_from_null_calls_where_no_baseline_is_short():
    samples = of_suspect([30e-6] * 3, seconds=[30e-6] * 3, anchor=())
    assert samples.on_device("a") is None and not samples.borne_out("a")
    samples.seen_nulls = [0.0, BESIDE, BESIDE + 1e-7]
    assert samples.borne_out("a") and samples.on_device("a") == pytest.approx([30e-6] * 3, abs=1e-7)


@pytest.mark.parametrize("seconds", [20e-6, 80e-6])
def test_a_device_that_does_not_wait_is_known_by_baselines(seconds):
    """Where kernels of two processes run at once, the device is back at once, and so is a null call."""
    samples = of_suspect([seconds] * 3, seconds=[seconds] * 3)
    assert not samples.alongside
    for back in (5e-6, 90e-6):
        samples.seen["b"], samples.alone = [back] * 2, 100e-6
        assert samples.alongside
    assert not Samples({"a": RAW}, NULLS).alongside


def test_no_time_is_less_than_is_possible():
    for claims in ([0.0] * 3, [1e-6] * 3):  # nothing is launched: the null call takes as long
        for seconds in ((), [1e-7] * 3):
            lying = of_suspect(claims, raw=[2e-4] * 3, seconds=seconds, floor=3e-5)
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
        assert baseline.seconds("b") == pytest.approx([2.0e-3, 2.1e-3, 2.05e-3])


def test_noise_makes_nobody_faster_than_he_says():
    for claims in ([2e-3, 2e-3, 1e-7], [30e-6] * 3, [0.0] * 3):
        for seconds in ((), [1e-6] * 3):
            samples = of_suspect(claims, nulls=[2.3e-3] * 3, seconds=seconds, floor=5e-6)
            assert (samples.seconds("a") >= samples.claims["a"]).all() and (samples.seconds("a") > 1e-6).all()


def test_a_claim_below_what_any_call_takes_does_not_count():
    impossible = of_suspect([1e-6] * 3, [1e-3] * 3, [9e-4] * 3, floor=5e-6)
    assert impossible.claimed("a") == 0.0 and impossible.doubted("a")
    assert impossible.seconds("a") == pytest.approx([1e-4] * 3)


@pytest.mark.parametrize("seed", range(5))
def test_who_claims_too_little_gains_nothing_on_a_busy_machine(seed):
    """Long delays in a third of the calls: the anchor takes 100 us, and so does a suspect that says a third."""
    random = np.random.default_rng(seed)

    def noise() -> float:
        return random.exponential(3e-5) + random.exponential(3e-4) * (random.random() < 0.3)

    def told(seconds: float, scale: float = 1e-6) -> list[float]:
        return list(seconds + scale * random.random(20))

    raw = [1.1e-3 + noise() for _ in range(20)]
    for said in (33e-6, 100e-6):
        nulls = [1e-3 + noise() for _ in range(20)]
        samples = of_suspect(told(said), raw, nulls, told(100e-6), told(100e-6))
        ratio = ratio_interval(samples.claims["b"], samples.seconds("a"), 0.5, random)
        assert ratio.high < 1.1
    assert samples.borne_out("a") and ratio.value == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("seconds", [5e-3, 2e-4])
@pytest.mark.parametrize("quantile", [0.1, 0.25, 0.5])
def test_lies_in_some_calls_gain_nothing(quantile, seconds):
    lies = cycle([seconds / 10, seconds, seconds])
    seen = BESIDE + seconds if seconds < 1e-3 else 0.0
    sides = {
        "anchor": lambda _: Call(1e-3 + seconds, [], claimed=seconds, seen=seen),
        "candidate": lambda _: Call(1e-3 + seconds, [], claimed=next(lies), seen=seen),
    }
    rule = TimingRule(min_rounds=12, max_rounds=30, seconds=5.0, width=0.0)
    goal = Goal("candidate", "anchor", quantile, suspect="candidate")
    random = np.random.default_rng(0)
    samples = run_session(sides, lambda: Call(1e-3, []), count(), goal, rule, random)
    assert goal.ratio(samples, random).value < 1.1


def test_one_late_null_call_bears_nothing_out():
    assert not of_suspect([2e-3] * 3, [5e-3] * 3, [1e-3, 4e-3]).borne_out("a")


def test_a_session_is_lost_by_what_is_borne_out_and_not_by_noise():
    late = iter([5e-3] * 100)
    rule = TimingRule(min_rounds=5, max_rounds=20, seconds=5.0, width=0.02)

    def session(seconds: float) -> Samples:
        call = lambda raw, each: Call(raw, [], claimed=each, seen=BESIDE + each)  # noqa: E731
        sides = {"anchor": lambda _: call(1e-3, 30e-6), "candidate": lambda _: call(next(late), seconds)}
        goal = Goal("candidate", "anchor", 0.5, best=2.0, suspect="candidate")
        return run_session(sides, lambda: Call(9e-4, []), count(), goal, rule, np.random.default_rng(0))

    assert not session(15e-6).stopped_early
    assert session(60e-6).stopped_early


def test_a_session_is_not_lost_by_two_calls_that_were_not_seen():
    rule = TimingRule(min_rounds=5, max_rounds=20, seconds=5.0, width=0.02)
    seen = count()
    sides = {
        "anchor": lambda _: Call(1e-3, [], claimed=30e-6, seen=BESIDE + 30e-6),
        "candidate": lambda _: Call(1.4e-3, [], claimed=10e-6, seen=(BESIDE + 10e-6) * (next(seen) > 2)),
    }
    goal = Goal("candidate", "anchor", 0.5, best=2.0, suspect="candidate")
    samples = run_session(sides, lambda: Call(9e-4, []), count(), goal, rule, np.random.default_rng(0))
    assert not samples.stopped_early and samples.borne_out("candidate")
