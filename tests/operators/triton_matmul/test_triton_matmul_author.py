"""Triton products as whole candidates: levers leave the signature alone, structures do not, and advice exists."""

from dataclasses import replace
from functools import cache
from itertools import islice

import pytest

pytest.importorskip("triton")

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.signature import structure
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.seeds import seed_plans
from operators.authors.expert.triton.dialect import TritonDialect
from principles import load

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90)
SOURCE = """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1600, 1500)
    def forward(self, x):
        return {forward}
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return []
"""
FORWARDS = {
    "linear": ("torch.nn.functional.gelu(self.layer(x))", "3000, 1600"),
    "split": ("torch.relu(x.t() @ x)", "5000, 100"),
    "triangle": ("torch.tril(x) @ x", "600, 600"),
    "batches": ("torch.bmm(x, x) * 2", "8, 300, 300"),
}


@cache
def plans(name):
    forward, shape = FORWARDS[name]
    session = Session(Problem("small", SOURCE.format(forward=forward, shape=shape)), TritonDialect(), GPU)
    found = (plan for plan, _, _ in seed_plans(session.captured, designer(session, load())))
    return session, [plan for plan in islice(found, 8) if any(k.kind == "matmul" for k in plan.kernels)]


def changed(plan, at, kernel):
    return replace(plan, kernels=(*plan.kernels[:at], kernel, *plan.kernels[at + 1 :]))


@pytest.mark.parametrize("name", FORWARDS)
def test_no_decision_moves_the_signature_and_every_structure_has_its_own(name):
    session, found = plans(name)
    seen = set()
    for plan in found:
        expected = structure(session.text(plan, "base"), Dialect.TRITON)
        assert expected not in seen
        seen.add(expected)
    assert len(seen) >= 2
    plan = found[0]
    expected = structure(session.text(plan, "base"), Dialect.TRITON)
    (at,) = (i for i, kernel in enumerate(plan.kernels) if kernel.kind == "matmul")
    kernel = plan.kernels[at]
    offered = session.dialect.generators["matmul"].schedule(session.graph(plan.rewrites), kernel, GPU)
    for decision in offered.values():
        for value in decision.choices if name == "linear" else decision.choices[-2:]:
            other = replace(kernel, schedule={**kernel.schedule, decision.name: replace(decision, value=value)})
            text = session.text(changed(plan, at, other), "changed")
            assert structure(text, Dialect.TRITON) == expected, (decision.name, value)
        assert not decision.choices or decision.name in {k.role for k in Candidate(text, Dialect.TRITON).knobs.values()}


@pytest.mark.parametrize("name", FORWARDS)
def test_the_experts_defaults_break_no_constraint(name):
    session, found = plans(name)
    for plan in found:
        assert load().violations(Candidate(session.text(plan, "seed"), Dialect.TRITON), {}, GPU) == []


def test_every_lever_finds_advice_for_a_product():
    session, found = plans("linear")
    facts = Candidate(session.text(found[0], "seed"), Dialect.TRITON).facts
    groups = {each.group for each, _ in load().applicable(facts, GPU, Dialect.TRITON)}
    assert {"mapping", "tiling", "staging", "precision"} <= groups
