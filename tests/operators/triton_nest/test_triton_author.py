"""The expert as an author of Triton candidates: whole modules, their signatures under every lever, principles."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice

import pytest

pytest.importorskip("triton")

import forked

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.signature import structure
from operators.authors.expert.author import ExpertAuthor
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.seeds import seed_plans
from operators.authors.expert.triton.dialect import TritonDialect
from operators.base import Brief
from principles import load

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536)
SOURCE = """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, {features}))
    def forward(self, x):
        return {forward}
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return []
"""


def problem(forward, shape, features=40):
    return Problem("small", SOURCE.format(forward=forward, shape=shape, features=features))


WHOLE = problem("torch.softmax(torch.relu(x) @ x.t() * self.weight, 1).sum()", "40, 24")
_CALL = """
import importlib.util, sys, torch
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("candidate", path)
    candidate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(candidate)
    torch.manual_seed(1)
    ours, theirs, inputs = candidate.ModelNew(), candidate.Model(), candidate.get_inputs()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    with torch.no_grad():
        assert ours._egg_fits(tuple(inputs))
        torch.testing.assert_close(ours(*inputs), theirs(*inputs), rtol=2e-5, atol=2e-6)
        wide = [x.double() for x in inputs]
        torch.testing.assert_close(ours.double()(*wide), theirs.double()(*wide))
"""


def test_a_candidate_agrees_with_its_problem_in_the_interpreter(tmp_path):
    writings = ExpertAuthor().write(Brief("seed", WHOLE, GPU, Dialect.TRITON, seed=0, limit=2))
    assert len(writings) == 2
    paths = [tmp_path / f"candidate{i}.py" for i in range(len(writings))]
    for path, writing in zip(paths, writings, strict=True):
        assert "@triton.jit" in writing.source
        path.write_text(Candidate(writing.source, Dialect.TRITON).source)
    forked.run(_CALL, *paths)


FORWARDS = {
    "softmax": ("torch.softmax(x * 0.5, -1)", "64, 1000"),
    "column statistics": ("(x - x.mean(0)) / (x.std(0) + 1e-5)", "5000, 48"),
    "elementwise": ("torch.nn.functional.gelu(x) * torch.sigmoid(x)", "64, 4096"),
    "turned": ("x.transpose(0, 1).contiguous() * 2", "64, 4096"),
    "sum": ("x.sum()", "64, 4096"),
    "loss": ("torch.logsumexp(x, 1).mean()", "64, 1000"),
    "few short rows": ("torch.relu(x).sum(-1)", "128, 16"),
    "hardly any": ("torch.relu(x).sum(-1)", "2, 5"),
}


@cache
def plans(name):
    session = Session(problem(*FORWARDS[name]), TritonDialect(), GPU)
    return session, [plan for plan, _, _ in islice(seed_plans(session.captured, designer(session, load())), 3)]


@pytest.mark.parametrize("name", FORWARDS)
def test_no_decision_moves_the_signature_and_every_structure_has_its_own(name):
    session, found = plans(name)
    seen = set()
    for plan in found:
        expected = structure(session.text(plan, "base"), Dialect.TRITON)
        assert expected not in seen
        seen.add(expected)
        for i, kernel in enumerate(plan.kernels):
            if kernel.kind not in session.dialect.generators:
                continue
            generator = session.dialect.generators[kernel.kind]
            for offered in generator.schedule(session.graph(plan.rewrites), kernel, GPU).values():
                tried = [replace(offered, value=v, choices=()) for v in offered.choices[-2:]]
                tried += [offered] if len(offered.choices) > 1 else []
                for decision in tried:
                    changed = replace(kernel, schedule={**kernel.schedule, decision.name: decision})
                    kernels = (*plan.kernels[:i], changed, *plan.kernels[i + 1 :])
                    text = session.text(replace(plan, kernels=kernels), "changed")
                    assert structure(text, Dialect.TRITON) == expected, (decision.name, decision.value)
                    knobs = Candidate(text, Dialect.TRITON).knobs
                    assert len(decision.choices) < 2 or len(knobs) == 1, decision.name


@pytest.mark.parametrize("name", FORWARDS)
def test_the_experts_defaults_break_no_constraint(name):
    session, found = plans(name)
    for plan in found:
        assert load().violations(Candidate(session.text(plan, "seed"), Dialect.TRITON), {}, GPU) == []


def test_every_lever_finds_advice_and_writes_knobs():
    of = problem(*FORWARDS["softmax"])
    seed = ExpertAuthor().write(Brief("seed", of, GPU, Dialect.TRITON, seed=0, limit=1))[0]
    parent = Candidate(seed.source, Dialect.TRITON)
    for lever in ("mapping", "staging"):
        advice = load().applicable(parent.facts, GPU, Dialect.TRITON, lever)
        brief = Brief(
            lever, of, GPU, Dialect.TRITON, seed=0, limit=1, parent=parent, lever=lever,
            principles=tuple(principle for principle, _ in advice),
        )  # fmt: skip
        (writing,) = ExpertAuthor().write(brief)
        opened = Candidate(writing.source, Dialect.TRITON).knobs
        assert opened and all(knob.lever == lever for knob in opened.values())
