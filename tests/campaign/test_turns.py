"""In whatever order verdicts arrive, they count step by step, in the order of positions, each once."""

from hypothesis import given
from hypothesis import strategies as st
from search_fakes import ok

from egg_search.campaign.turns import Turns
from egg_search.core.candidate import Dialect
from egg_search.core.step import Job, Step

VERDICT = ok(1.0)


def step(number):
    return Step(number, "tune", "why", 4, dialect=Dialect.CPP)


def jobs(count):
    return [Job("candidate", {"K": position}) for position in range(count)]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_order_counts_in_turn(counts, random):
    turns, expected = Turns(), [(n, position) for n, count in enumerate(counts) for position in range(count)]
    for number, count in enumerate(counts):
        turns.add(step(number), jobs(count))
    arriving, counted, ended = random.sample(expected, len(expected)), [], []

    def settle():
        while True:
            counted.extend((each.number, job.configuration["K"]) for each, job, _ in turns.counting())
            if (over := turns.over()) is None:
                return
            ended.append(over.number)

    settle()
    for come, (number, position) in enumerate(arriving):
        assert [(n, p) for n, p, _ in turns.waiting()] == [each for each in expected if each not in arriving[:come]]
        turns.arrived(number, position, VERDICT)
        settle()
        assert counted == expected[: len(counted)], "in order, without a gap"
        assert turns.uncounted == len(expected) - len(counted)
    assert counted == expected and ended == list(range(len(counts))) and not len(turns)


def test_a_step_waits_for_its_turn_even_where_nothing_is_left_of_it():
    turns = Turns()
    turns.add(step(1), jobs(1))
    turns.add(step(2), [])
    assert turns.over() is None
    turns.arrived(1, 0, VERDICT)
    assert len(list(turns.counting())) == 1
    assert [turns.over().number, turns.over().number, turns.over()] == [1, 2, None]
