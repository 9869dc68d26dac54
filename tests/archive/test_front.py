"""Pareto fronts over anything."""

import itertools

from archive_cases import FAILURE, entries, verdict
from hypothesis import given
from hypothesis import strategies as st

from egg_search.archive import Elite, pareto_front
from egg_search.archive.front import error_rank
from egg_search.core.step import Job
from egg_search.core.verdict import PrecisionClass


def elites(drawn):
    return [Elite(Job(str(i)), s, each) for i, (s, each) in enumerate(drawn) if each is not FAILURE]


def dominates(a, b):
    no_worse = a.score >= b.score and error_rank(a) <= error_rank(b)
    return no_worse and (a.score > b.score or error_rank(a) < error_rank(b))


@given(entries)
def test_exactly_the_non_dominated(drawn):
    everyone = elites(drawn)
    front = pareto_front(everyone)
    for elite in everyone:
        beaten = any(dominates(other, elite) for other in everyone)
        assert beaten == all((e.score, error_rank(e)) != (elite.score, error_rank(elite)) for e in front)


@given(entries)
def test_sorted_and_idempotent(drawn):
    front = pareto_front(elites(drawn))
    assert pareto_front(front) == front
    for faster, slower in itertools.pairwise(front):
        assert faster.score > slower.score
        assert error_rank(faster) > error_rank(slower)


@given(entries, st.randoms())
def test_order_does_not_matter(drawn, rng):
    everyone = elites(drawn)
    shuffled = rng.sample(everyone, len(everyone))
    assert [e.score for e in pareto_front(shuffled)] == [e.score for e in pareto_front(everyone)]


def test_a_worse_class_never_hides_a_better_one():
    exact = Elite(Job("0"), "a", verdict(1.0, norm=2e-7))
    fast = Elite(Job("1"), "a", verdict(2.0, norm=1e-7, precision=PrecisionClass.TF32))
    assert pareto_front([exact, fast]) == [fast, exact]
