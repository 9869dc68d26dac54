"""Gain for its cost: of bandits, of operators with their authors, of models."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egg_search.core.candidate import Dialect
from egg_search.core.step import TUNE, Step
from egg_search.schedulers import Feedback, Menu, Result, StagedScheduler
from egg_search.schedulers.bandit import Bandit
from egg_search.schedulers.credit import FAVOUR, Credit

CPP = Dialect.CPP


def test_of_arms_that_gain_as_much_the_cheap_one_is_chosen_more_often():
    bandit, rng, pulls = Bandit(), random.Random(0), Counter()
    for _ in range(300):
        name = bandit.rank(["cheap", "dear"], rng)[0]
        pulls[name] += 1
        bandit.update(name, 0.05, {"cheap": 1.0, "dear": 8.0}[name])
    assert pulls["cheap"] > 4 * pulls["dear"] > 0


def test_what_gains_more_than_it_costs_more_is_chosen_more_often():
    bandit, rng, pulls = Bandit(), random.Random(0), Counter()
    for _ in range(300):
        name = bandit.rank(["small", "large"], rng)[0]
        pulls[name] += 1
        bandit.update(name, {"small": 0.01, "large": 0.2}[name], {"small": 1.0, "large": 4.0}[name])
    assert pulls["large"] > 2 * pulls["small"] > 0


PULLS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2), st.floats(0.01, 1e4)), max_size=30)


@given(PULLS, st.integers(), st.integers(-8, 8))
def test_the_unit_of_costs_does_not_matter(pulls, seed, power):
    plain, scaled = Bandit(), Bandit()
    for name, gain, cost in pulls:
        plain.update(name, gain, cost)
        scaled.update(name, gain, cost * 2.0**power)
    if pulls:  # all that is compared has a cost
        assert plain.rank("abcd", random.Random(seed)) == scaled.rank("abcd", random.Random(seed))


@given(PULLS, st.dictionaries(st.sampled_from("abcd"), st.tuples(st.floats(0, 4), st.floats(0, 4))))
def test_nothing_becomes_impossible(pulls, priors):
    bandit = Bandit(priors)
    for name, gain, cost in pulls:
        bandit.update(name, gain, cost)
    drawn = bandit.draw("abcd", random.Random(0))
    assert set(drawn) == set("abcd") and all(value > 0 for value in drawn.values())


def choices(costs, seed, steps=80):
    """How often each of two authors with the same gains is asked. `costs` is of a step, in seconds."""
    writers = tuple((author, CPP) for author in costs)
    levers = ("mapping", "tiling", "staging")
    menu = Menu(("seed", *levers), writers, lambda o, _: [f"{o}{i}" for i in range(40)] if o in levers else [])
    made, asked = StagedScheduler(menu, seed), Counter()
    for number in range(1, steps + 1):
        step = made.next(number)
        if step is None:
            break
        results = () if step.operator == TUNE else (Result(f"{step.author}{number}", "s", CPP, 1.0, 0.05),)
        made.observe(step, Feedback(results, {}, costs.get(step.author, 1.0)))
        asked[step.author] += step.operator in levers
    return asked


def test_the_scheduler_asks_an_expensive_author_less_that_gains_as_much():
    cheap = dear = 0
    for seed in range(8):
        asked = choices({"cheap": 5.0, "dear": 60.0}, seed)
        cheap, dear = cheap + asked["cheap"], dear + asked["dear"]
    assert cheap > 3 * dear > 0
    even = sum((choices({"one": 5.0, "other": 5.0}, seed) for seed in range(8)), Counter())
    assert even["one"] < 2 * even["other"] and even["other"] < 2 * even["one"]


def credited(*drafts, tuned=()):
    """After edits by "llm": (model, gain) of each draft, "" for an author that asks none."""
    credit = Credit({})
    for number, (model, gain) in enumerate((*drafts, *tuned), 1):
        operator = "tiling" if number <= len(drafts) else TUNE
        step, result = Step(number, operator, "", 1, "llm", CPP), Result(f"c{number}", "s", CPP, 1.0, gain)
        credit.give(step, Feedback((result,), {}, 5.0, {f"c{number}": model}))
    return credit


def test_models_that_gain_are_preferred_within_bounds():
    credit = credited(*[("good", 0.2), ("poor", 0.0)] * 20)
    drawn = [credit.preference("llm", random.Random(seed)) for seed in range(50)]
    assert all(each["good"] > each["poor"] for each in drawn)
    assert all(1 / FAVOUR <= factor <= FAVOUR for each in drawn for factor in each.values())
    assert credit.preference("command", random.Random(0)) == {}


def test_refused_drafts_count_against_their_model():
    credit, step = credited(("careful", 0.05), ("careless", 0.05)), Step(9, "seed", "", 8, "llm", CPP)
    for _ in range(20):
        results = (Result("c", "s", CPP, 1.0, 0.05),)
        credit.give(step, Feedback(results, {}, 5.0, {"c": "careful"}, ("careless", "")))
    means = {row["name"]: row["mean"] for row in credit.report()["models"]}
    assert set(means) == {"llm/careful", "llm/careless"}
    assert means["llm/careful"] > 2 * means["llm/careless"]


@pytest.mark.parametrize("drafts", [(), [("", 0.1)] * 3, [("only", 0.1)] * 3])
def test_no_preference_while_there_is_nothing_to_compare(drafts):
    assert credited(*drafts, tuned=[("other", 0.1)]).preference("llm", random.Random(0)) == {}


def test_a_step_that_brought_nothing_is_paid_for_all_the_same():
    credit, step = Credit({}), Step(1, "tiling", "", 4, "llm", CPP)
    credit.give(step, Feedback((), {}, 30.0))
    credit.give(step, Feedback((Result("c", "s", CPP, None, at_fault=False),), {}, 30.0))
    (row,) = credit.report()["operators"]
    assert (row["pulls"], row["gain"], row["cost"]) == (1, 0.0, 30.0)
