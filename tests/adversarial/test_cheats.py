"""Every cheat is refused for the right reason, or gains nothing; what is honest in substance is accepted."""

from __future__ import annotations

import pytest
from entries import PROBLEMS, check, entries_in, entry, few_problems, one_in


@pytest.mark.parametrize("cheat", one_in(12, entries_in("cheats")), ids=str)
def test_cheat_does_not_pay(cheat, evaluator_of):
    check(cheat, evaluator_of)


@pytest.mark.parametrize("cheat", [each for each in entries_in("cheats") if "all cores" in each.name], ids=str)
def test_cores_beyond_the_evaluators_do_not_pay(cheat, evaluator_of):
    check(cheat, lambda problem: evaluator_of(problem, 1))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_problems_own_model_is_accepted_without_a_gain(problem, evaluator_of):
    check(entry("own model", problem, gain_free=True, flags="library-only"), evaluator_of)


@pytest.mark.parametrize("cheat", few_problems(entries_in("cheats")[1::9]), ids=str)
def test_cheat_does_not_pay_without_namespaces_either(cheat, evaluator_of):
    check(cheat, lambda problem: evaluator_of(problem, layers=frozenset(["landlock", "seccomp"])))
