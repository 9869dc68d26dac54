import random

from hypothesis import given
from hypothesis import strategies as st

from egg_search.schedulers.bandit import Bandit


def test_what_pays_is_chosen_more_often():
    bandit, rng = Bandit(), random.Random(0)
    pulls = {"good": 0, "poor": 0, "none": 0}
    for _ in range(300):
        name = bandit.rank(pulls, rng)[0]
        pulls[name] += 1
        bandit.update(name, {"good": 0.1, "poor": 0.02, "none": 0.0}[name])
    assert pulls["good"] > pulls["poor"] > 0
    assert pulls["good"] > 200
    assert pulls["none"] > 0  # it was tried


def test_it_forgets_what_stopped_paying():
    bandit = Bandit()
    for _ in range(30):
        bandit.update("early", 0.2)
    for _ in range(60):
        bandit.update("early", 0.0)
    assert bandit.report()[0]["mean"] < 0.1


def test_the_report_sums_gains():
    bandit = Bandit()
    for gain in (0.5, 0.0, 0.25):
        bandit.update("a", gain)
    bandit.update("b", 1.0)
    assert [(row["name"], row["pulls"], row["gain"]) for row in bandit.report()] == [("b", 1, 1.0), ("a", 3, 0.75)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=40), st.integers())
def test_deterministic_and_complete(updates, seed):
    bandits = Bandit(), Bandit()
    for bandit in bandits:
        for name, gain in updates:
            bandit.update(name, gain)
    first, second = (bandit.rank("abcd", random.Random(seed)) for bandit in bandits)
    assert first == second
    assert sorted(first) == list("abcd")
    assert all(0 < row["mean"] < 1 for row in bandits[0].report())
