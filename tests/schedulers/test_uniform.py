"""The scheduler that draws by lot."""

from collections import Counter

import pytest

from egg_search.core.candidate import Dialect
from egg_search.core.step import TUNE
from egg_search.schedulers import SCHEDULERS, Feedback, Menu, Result

OPERATORS = ("seed", "refine", "mapping", "tiling", "repair")
MENU = Menu(
    OPERATORS, (("a", Dialect.CPP), ("b", Dialect.CPP)), lambda operator, _: [f"{operator}-{n}" for n in range(4)]
)


def ran(seed, steps, feedback, menu=MENU):
    scheduler, done = SCHEDULERS["random"](menu, seed), []
    for number in range(1, steps + 1):
        step = scheduler.next(number)
        assert step == scheduler.next(number), "asking changes nothing"
        if step is None:
            break
        scheduler.begin(step)
        scheduler.observe(step, feedback(step))
        done.append(step)
    return done


def fruitful(step):
    name = f"{step.operator}{step.number}" if step.operator != TUNE else step.parent
    return Feedback((Result(name, "s", Dialect.CPP, 1.0),))


def test_it_repeats_and_another_seed_differs():
    assert ran(1, 60, fruitful) == ran(1, 60, fruitful) != ran(2, 60, fruitful)


def test_first_there_are_seeds_and_then_everything():
    steps = ran(1, 400, fruitful)
    assert steps[0].operator == "seed"
    counts = Counter(step.operator for step in steps[20:])
    assert set(counts) == {"refine", "mapping", "tiling", TUNE}
    assert max(counts.values()) < 2 * min(counts.values()), "each operator as likely"


def test_no_step_comes_twice_and_there_is_an_end():
    def barren(step):
        return fruitful(step) if step.operator == "seed" else Feedback()

    steps = ran(3, 1000, barren)
    assert len(steps) < 100
    edits = [(step.operator, step.author, step.parent, step.principles) for step in steps if step.operator != TUNE]
    assert len(set(edits)) == len(edits)


def test_who_is_not_idle_gets_nothing():
    scheduler = SCHEDULERS["random"](MENU, 1)
    assert scheduler.next(1, {TUNE}) is None
    assert {scheduler.next(number, {"b"}).author for number in range(1, 9)} == {"b"}


@pytest.mark.parametrize("score", [None, 1.0])
def test_broken_ones_are_repaired(score):
    scheduler = SCHEDULERS["random"](MENU, 1)
    step = scheduler.next(1)
    scheduler.observe(step, Feedback((Result("x", "s", Dialect.CPP, score),)))
    operators = {scheduler.next(number).operator for number in range(2, 60)}
    assert ("repair" in operators) == (score is None)
