"""What every scheduler must do, driven against a world of candidates that are only names."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egg_search.core.candidate import Dialect
from egg_search.core.step import TUNE
from egg_search.schedulers import SCHEDULERS, Feedback, Menu, Result

OPERATORS = ("seed", "refine", "mapping", "tiling", "staging", "precision", "repair")
PRINCIPLES = {"seed": ["s1"], "refine": ["s1", "s2"], "tiling": ["t1", "t2", "t3", "t4", "t5"], "mapping": ["m1"]}
PRINCIPLES["precision"] = ["p1"]


class World:
    """Candidates are names; each structure has its own level and each candidate finitely many configurations."""

    def __init__(self, seed, failing=0.2):
        self._rng, self._failing = random.Random(seed), failing
        self._made, self._left, self._best, self._signature = 0, {}, {}, {}

    def run(self, step):
        if step.operator == TUNE:
            count = min(step.limit, self._left[step.parent])
            self._left[step.parent] -= count
            results = [self._judge(step.parent) for _ in range(count)]
            return Feedback(tuple(results), {})
        names = [self._new(step) for _ in range(self._rng.randint(0, min(step.limit, 3)))]
        return Feedback(tuple(self._judge(n) for n in names), {n: step.principles for n in names})

    def _new(self, step):
        self._made += 1
        name = f"c{self._made}"
        fresh = step.operator in ("seed", "refine")
        self._signature[name] = f"s{self._rng.randint(0, 4)}" if fresh else self._signature[step.parent]
        self._left[name] = self._rng.randint(0, 9)
        return name

    def _judge(self, name):
        signature = self._signature[name]
        if self._rng.random() < self._failing:
            return Result(name, signature, Dialect.CPP, None)
        score = self._rng.random()
        gain = max(0.0, score - self._best.get(signature, score))
        self._best[signature] = max(score, self._best.get(signature, score))
        return Result(name, signature, Dialect.CPP, score, gain)


def applicable(operator, candidate):
    return PRINCIPLES.get(operator, [])


def make(name, seed=0, operators=OPERATORS):
    return SCHEDULERS[name](Menu(operators, (("fake", Dialect.CPP),), applicable), seed)


def drive(scheduler, world, steps):
    history = []
    for number in range(1, steps + 1):
        step = scheduler.next(number)
        if step is None:
            break
        feedback = world.run(step)
        scheduler.observe(step, feedback)
        history.append((step, feedback))
    return history


@pytest.mark.parametrize("name", SCHEDULERS)
class TestContract:
    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 999))
    def test_replaying_observations_gives_the_same_next_step(self, name, seed):
        history = drive(make(name, seed), World(seed), 40)
        replayed = make(name, seed)
        for number, (step, feedback) in enumerate(history, 1):
            assert replayed.next(number) == step
            assert replayed.next(number) == step  # asking changes nothing
            replayed.observe(step, feedback)

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 999))
    def test_observations_alone_are_enough(self, name, seed):
        """A resumed campaign never asks for the steps that it has."""
        live = make(name, seed)
        history = drive(live, World(seed), 30)
        resumed = make(name, seed)
        for step, feedback in history:
            resumed.observe(step, feedback)
        assert resumed.next(99) == live.next(99)
        assert resumed.report() == live.report()

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 999))
    def test_a_finite_world_comes_to_an_end(self, name, seed):
        class Finite(World):
            def run(self, step):
                return super().run(step) if self._made < 30 or step.operator == TUNE else Feedback()

        assert len(drive(make(name, seed), Finite(seed), 5000)) < 5000

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 999))
    def test_only_what_the_menu_offers(self, name, seed):
        for step, _ in drive(make(name, seed), World(seed), 60):
            assert step.operator in (*OPERATORS, TUNE)
            assert step.limit > 0
            assert step.why
            if step.operator not in ("seed",):
                assert step.parent is not None
            if step.operator == TUNE:
                assert not step.author
            else:
                assert (step.author, step.dialect) == ("fake", Dialect.CPP)
                assert set(step.principles) <= set(applicable(step.operator, step.parent))

    def test_infrastructure_failures_teach_nothing(self, name):
        scheduler = make(name)
        step = scheduler.next(1)
        scheduler.observe(step, Feedback((Result("c1", "s", Dialect.CPP, None, at_fault=False),), {"c1": ("s1",)}))
        assert scheduler.report()["principles"] == []
        assert scheduler.report()["structures"] == []

    def test_an_author_that_has_nothing_ends_the_search(self, name):
        scheduler = make(name)
        history = []
        for number in range(1, 50):
            step = scheduler.next(number)
            if step is None:
                break
            history.append(step)
            scheduler.observe(step, Feedback())
        assert 1 <= len(history) < 10

    def test_what_brings_nothing_is_known_once_it_is_planned(self, name):
        """Others may be under way: what became of this step is observed much later."""
        told, untold = make(name), make(name)
        history = drive(make(name), World(3), 12)
        for step, feedback in history:
            told.observe(step, feedback)
            untold.observe(step, feedback)
        number = len(history) + 1
        begun = []
        while len(begun) < 200 and (step := told.next(number)) is not None:
            told.begin(step)
            told.plan(step, 0)
            begun.append(step)
            number += 1
        tuned = [step.parent for step in begun if step.operator == "tune"]
        assert len(begun) < 200 and len(tuned) == len(set(tuned)), "nobody is asked again who has nothing"
        for step in begun:  # observed then, it counts once
            told.observe(step, Feedback())
            untold.observe(step, Feedback())
        assert told.report() == untold.report() and told.next(999) == untold.next(999)
