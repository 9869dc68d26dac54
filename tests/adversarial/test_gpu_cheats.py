"""On a GPU too: every cheat is refused, or gains nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from entries import check, entries_in, judge
from gpu.cheats.precision import COARSE, HALVES
from gpu.corpus import OWN

from egg_search.core.verdict import PrecisionClass

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("cheat", entries_in("gpu/cheats"), ids=str)
def test_cheat_does_not_pay(cheat, gpu_evaluator_of):
    check(cheat, gpu_evaluator_of, end="high")


@pytest.mark.parametrize("coarse", COARSE, ids=str)
def test_less_precision_is_named_where_it_is_accepted(coarse, gpu_evaluator_of):
    verdict = judge(coarse, gpu_evaluator_of(coarse.problem, PrecisionClass.HALF))
    assert verdict.ok, verdict.reason
    expected = PrecisionClass.HALF if coarse.name in HALVES else PrecisionClass.TF32
    assert verdict.errors.precision is expected


@pytest.mark.parametrize("problem", sorted({each.problem for each in entries_in("gpu/cheats")}))
def test_the_problems_own_model_is_accepted_and_gains_nothing(problem, gpu_evaluator_of):
    own = next(each for each in entries_in("gpu/honest") if each.problem == problem and each.name == OWN)
    check(replace(own, gain_free=True, most=1.15), gpu_evaluator_of, end="high")
