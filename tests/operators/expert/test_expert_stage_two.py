"""Stage two of the expert: principles open knobs and set decisions of one lever; the structure stays."""

import pytest
from expert_problems import PROBLEMS
from test_expert_author import HARDWARE, write

import principles
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.knobs import Lever
from egg_search.core.signature import signature
from operators.authors.expert.emit.plan_text import read_plan
from principles.model import Principle


def candidate_of(problem):
    return Candidate(write(problem, limit=1)[0].source, Dialect.CPP)


def follow(problem, parent, principle, lever):
    return write(problem, lever.value, parent=parent, lever=lever, principles=(principle,))


LIBRARY = principles.load()
OPEN_UNROLL = Principle("open-unroll", "Try more accumulators", "tiling", "why", "test", knobs={"unroll": (1, 2, 4)})


def test_a_principle_opens_a_knob_and_the_structure_stays():
    parent = candidate_of(PROBLEMS[1])
    (writing,) = follow(PROBLEMS[1], parent, OPEN_UNROLL, Lever.TILING)
    child = Candidate(writing.source, Dialect.CPP)
    assert {knob.role for knob in child.knobs.values()} == {"unroll"}
    assert writing.principles == ("open-unroll",)
    assert signature(child.source, Dialect.CPP) == signature(parent.source, Dialect.CPP)


def test_the_parents_best_values_are_the_childs_defaults():
    parent = candidate_of(PROBLEMS[1])
    child = Candidate(follow(PROBLEMS[1], parent, OPEN_UNROLL, Lever.TILING)[0].source, Dialect.CPP)
    name = next(iter(child.knobs))
    best = next(c for c in child.knobs[name].choices if c != child.knobs[name].default)
    wider = Principle("set-staging", "Prefetch", "staging", "why", "test", knobs={"prefetch": (0, 8)})
    grandchildren = write(
        PROBLEMS[1], "staging", parent=child, configuration={name: best}, lever=Lever.STAGING, principles=(wider,)
    )
    for writing in grandchildren:
        assert Candidate(writing.source, Dialect.CPP).knobs[name].default == best


def test_a_principle_of_another_lever_changes_nothing():
    parent = candidate_of(PROBLEMS[1])
    assert follow(PROBLEMS[1], parent, OPEN_UNROLL, Lever.STAGING) == []


def test_a_principle_that_does_not_apply_changes_nothing():
    parent = candidate_of(PROBLEMS[1])
    never = Principle("never", "Never", "tiling", "why", "test", applies="kernel.rows < 0", knobs={"unroll": (1, 2)})
    assert follow(PROBLEMS[1], parent, never, Lever.TILING) == []


def test_nobody_elses_candidate_is_edited():
    text = "class ModelNew:\n    pass\n"
    assert follow(PROBLEMS[1], Candidate(text, Dialect.CPP), OPEN_UNROLL, Lever.TILING) == []


@pytest.mark.parametrize("of", [PROBLEMS[1], PROBLEMS[4], PROBLEMS[9]], ids=lambda p: p.name)
def test_bundled_principles_drive_the_expert(of):
    parent = candidate_of(of)
    moved = set()
    for lever in (Lever.MAPPING, Lever.TILING, Lever.STAGING):
        found = {p.name: p for p, _ in LIBRARY.applicable(parent.facts, HARDWARE, Dialect.CPP, lever.value)}
        for writing in (w for p in found.values() for w in follow(of, parent, p, lever)):
            child = Candidate(writing.source, Dialect.CPP)
            assert signature(child.source, Dialect.CPP) == signature(parent.source, Dialect.CPP)
            assert all(knob.lever == lever for knob in child.knobs.values())
            assert read_plan(child.source) is not None
            moved.add(lever)
    assert moved
