"""The contract of every registered operator, with authors that obey, err and cheat."""

import json
import pickle
from dataclasses import replace

import pytest

import operators
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever
from egg_search.core.problem import Problem
from egg_search.core.signature import signature
from operators.base import AuthorError, Brief, Draft, Refusal, Writing
from principles import Library, Principle

HARDWARE = Hardware("cpu", "test", 8, 32, 32 << 10, 1 << 20, 16 << 20, 1 << 34)
LIBRARY = Library(
    [
        Principle(
            name="tile-in-l1",
            title="Tiles live in L1",
            group="tiling",
            prose="Because.",
            source="test",
            constraints=("tile * 4096 <= hw.l1d_bytes",),
        )
    ]
)
KNOBS = {
    "K0_GRID": "'m'  # knob mapping: 'm' | 'n'",
    "K0_TILE": "4  # knob tiling: 4 | 8 | 64",
    "K0_PREFETCH": "0  # knob staging: 0 | 4",
    "K0_SUM": "'fp32'  # knob precision: 'fp32' | 'fp64'",
}


def source(knobs=KNOBS, phase="scale", facts='{"K0": {"kind": "nest"}}', body="return x"):
    lines = "\n".join(f"{name} = {value}" for name, value in knobs.items())
    kernel = f'extern "C" void k0(const float* x, float* y) {{ // pass: {phase}\n }}'
    return f"""
import ctypes, torch
# egg-facts: {facts}
{lines}
SOURCE = '''{kernel}'''
k0 = ctypes.CDLL(SOURCE).k0
class ModelNew(torch.nn.Module):
    def forward(self, x):
        k0(x.data_ptr(), x.data_ptr())
        {body}
"""


class Scripted:
    """An author who hands back what it was given."""

    name = "scripted"

    def __init__(self, *sources, principles=()):
        self.writings = [Writing(text, f"change {i}", principles) for i, text in enumerate(sources)]

    def write(self, brief):
        self.brief = brief
        return self.writings


PARENT = Candidate(source(), Dialect.CPP)


def brief(operator, parent=PARENT, **changes):
    base = Brief(operator.name, Problem("p", "x = 1"), HARDWARE, Dialect.CPP, seed=0, lever=operator.lever)
    return replace(base, parent=parent, library=LIBRARY, **changes)


def propose(name, *sources, **changes):
    operator = operators.registry[name]
    return operator.propose(brief(operator, **changes), Scripted(*sources))


def changed(name, value, phase="scale"):
    return source({**KNOBS, name: value}, phase)


OWN_LEVER = {"mapping": "K0_GRID", "tiling": "K0_TILE", "staging": "K0_PREFETCH", "precision": "K0_SUM"}
OTHER_CHOICES = {
    "K0_GRID": "'m'  # knob mapping: 'm' | 'n' | 'mn'",
    "K0_TILE": "4  # knob tiling: 4 | 16",
    "K0_PREFETCH": "0  # knob staging: 0 | 8",
    "K0_SUM": "'fp32'  # knob precision: 'fp32' | 'pairwise'",
}


def test_the_registry_is_in_stage_order():
    assert list(operators.registry) == ["seed", "refine", "mapping", "tiling", "staging", "precision", "repair"]
    assert [each.lever for each in operators.registry.values()] == [
        None, None, Lever.MAPPING, Lever.TILING, Lever.STAGING, Lever.PRECISION, None,
    ]  # fmt: skip


@pytest.mark.parametrize("name", operators.registry)
class TestEveryOperator:
    def test_a_draft_says_where_it_comes_from(self, name):
        operator = operators.registry[name]
        author = Scripted(changed("K0_TILE", "8  # knob tiling: 4 | 8 | 64"), principles=("tile-in-l1",))
        given = brief(operator)
        (draft,) = operator.propose(given, author)
        assert draft == Draft(
            Candidate(author.writings[0].source, Dialect.CPP),
            signature(author.writings[0].source, Dialect.CPP),
            "change 0",
            name,
            "scripted",
            PARENT.id,
            ("tile-in-l1",),
        )
        assert author.brief is given

    def test_nothing_written_is_nothing_proposed(self, name):
        assert propose(name) == []

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("def broken(:", "line 1"),
            ("x = 1", "ModelNew"),
            ("class ModelNew: pass", "forward"),
            (changed("K0_TILE", "5  # knob tiling: 4 | 8"), "default 5"),
            (changed("K0_TILE", "4  # knob warp: 4 | 8"), "no lever"),
            (source(facts="{no json}"), "egg-facts"),
            (source(facts='{"K0": 3}'), "egg-facts"),
        ],
    )
    def test_what_is_no_candidate_is_refused(self, name, text, reason):
        (refusal,) = propose(name, text)
        assert isinstance(refusal, Refusal) and reason in refusal.reason
        assert (refusal.source, refusal.operator, refusal.author) == (text, name, "scripted")
        assert refusal.parent == PARENT.id

    def test_a_default_that_breaks_a_constraint_is_refused(self, name):
        (refusal,) = propose(name, changed("K0_TILE", "64  # knob tiling: 4 | 8 | 64"))
        assert "tile * 4096 <= hw.l1d_bytes: 262144 > 32768 (principle tile-in-l1)" in refusal.reason

    def test_repetitions_and_the_parent_itself_are_dropped(self, name):
        new = changed("K0_TILE", "8  # knob tiling: 4 | 8 | 64")
        parent = PARENT.source + "# the same, with other words"
        assert len(propose(name, new, parent, new, new + "# again")) == 1

    def test_the_limit_holds_for_drafts_and_refusals_come_along(self, name):
        texts = [source(body=f"return x if {i} else x") for i in range(5)]
        results = propose(name, "broken(", *texts, limit=2)
        assert [type(each) for each in results] == [Draft, Draft, Refusal]

    def test_the_author_may_fail(self, name):
        class Failing:
            name = "failing"

            def write(self, brief):
                raise AuthorError("no endpoint")

        operator = operators.registry[name]
        with pytest.raises(AuthorError, match="no endpoint"):
            operator.propose(brief(operator), Failing())

    def test_without_a_parent(self, name):
        if operators.registry[name].needs_parent:
            with pytest.raises(ValueError, match="parent"):
                propose(name, source(), parent=None)
        else:
            assert propose(name, source(), parent=None)[0].parent is None

    def test_operators_and_briefs_travel(self, name):
        operator = operators.registry[name]
        travelled, given = pickle.loads(pickle.dumps((operator, brief(operator))))
        assert travelled.propose(given, Scripted("broken("))[0].operator == name


@pytest.mark.parametrize("name", ["seed", "refine", "repair"])
def test_outside_stage_two_the_structure_may_move_and_news_comes_first(name):
    known, new = source(body="return x if 1 else x"), source(phase="other")
    known_signatures = frozenset([signature(known, Dialect.CPP)])
    drafts = propose(name, known, new, known_signatures=known_signatures)
    assert [each.candidate.source for each in drafts] == [new, known]


@pytest.mark.parametrize("name", OWN_LEVER)
class TestStageTwo:
    def test_a_moved_structure_is_refused_with_what_moved(self, name):
        (refusal,) = propose(name, source(phase="another algorithm"))
        assert refusal.reason.startswith("the structure moved")
        assert "passes scale" in refusal.reason and "passes another algorithm" in refusal.reason

    def test_a_moved_structure_in_forward_is_refused(self, name):
        (refusal,) = propose(name, source(body="return torch.relu(x)"))
        assert "torch relu" in refusal.reason

    def test_own_knobs_come_go_and_change(self, name):
        knob = OWN_LEVER[name]
        without = {key: value for key, value in KNOBS.items() if key != knob}
        new = {**KNOBS, "K0_EXTRA": f"1  # knob {name}: 1 | 2"}
        results = propose(name, changed(knob, OTHER_CHOICES[knob]), source(without), source(new))
        assert [type(each) for each in results] == [Draft] * 3

    @pytest.mark.parametrize("knob", KNOBS)
    def test_knobs_of_others_stay(self, name, knob):
        if knob == OWN_LEVER[name]:
            return
        without = {key: value for key, value in KNOBS.items() if key != knob}
        stolen = changed(knob, KNOBS[knob].split("#")[0] + f"# knob {name}:" + KNOBS[knob].split(":")[1])
        for text in (changed(knob, OTHER_CHOICES[knob]), source(without), stolen):
            (refusal,) = propose(name, text)
            assert knob in refusal.reason and f"operator {name} may not touch it" in refusal.reason

    def test_new_knobs_of_others_are_refused(self, name):
        lever = "tiling" if name == "precision" else "precision"
        (refusal,) = propose(name, source({**KNOBS, "K0_NEW": f"1  # knob {lever}: 1 | 2"}))
        assert f"K0_NEW of lever {lever} appeared" in refusal.reason

    def test_defaults_of_others_may_start_from_the_best_configuration(self, name):
        best = {**KNOBS, "K0_SUM": "'fp64'  # knob precision: 'fp32' | 'fp64'"}
        assert isinstance(propose(name, source(best))[0], Draft)


def test_the_bundled_principles_bind_by_default():
    operator = operators.registry["seed"]
    given = Brief("seed", Problem("p", "x = 1"), HARDWARE, Dialect.CPP, seed=0)
    assert len(given.library) > 30
    facts = json.dumps({"K0": {"kind": "matmul", "m": 512, "n": 512, "k": 512}})
    knobs = {"K0_MR": "16  # knob tiling: 8 | 16", "K0_NR": "32  # knob tiling: 8 | 32"}
    (refusal,) = operator.propose(given, Scripted(source(knobs, facts=facts)))
    assert isinstance(refusal, Refusal) and "principle register-tile" in refusal.reason
