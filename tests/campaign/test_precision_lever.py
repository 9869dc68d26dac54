"""What a campaign's class of precision leaves of the advice on arithmetic."""

from dataclasses import replace

import pytest
from search_fakes import FakeWorkshop, write

from egg_search.campaign.settings import Settings
from egg_search.campaign.state import State
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.step import Step
from egg_search.core.verdict import PrecisionClass
from operators.base import Draft
from principles import Library, Principle

COARSE = Principle("coarse", "One piece", "precision", "x", "s", precision=PrecisionClass.TF32, knobs={"mode": (1, 2)})
FINE = replace(COARSE, name="fine", precision=PrecisionClass.FAITHFUL)
SHAPE = replace(COARSE, name="shape", group="structure")
CANDIDATE = Candidate(write("fused"), Dialect.CPP)


@pytest.mark.parametrize(
    ("accepted", "arithmetic", "shapes"),
    [("faithful", ["fine"], []), ("tf32", ["coarse", "fine"], ["shape"]), ("half", ["coarse", "fine"], ["shape"])],
)
def test_what_can_only_be_too_inexact_is_not_followed(accepted, arithmetic, shapes):
    settings = Settings("problem.py", precision=PrecisionClass(accepted))
    workshop = FakeWorkshop()
    state = State(settings, workshop.hardware, Library([COARSE, FINE, SHAPE]), workshop.operators())
    state.plan(Step(1, "seed", "test", 1), (Draft(CANDIDATE, "s", "seed", "seed", "fake"),), ())
    assert state.applicable("precision", CANDIDATE.id) == arithmetic
    assert state.applicable("refine", CANDIDATE.id) == state.applicable("seed", None) == shapes
