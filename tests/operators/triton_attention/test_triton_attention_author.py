"""Triton attention as whole candidates: levers leave the signature alone, structures do not, and advice exists."""

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

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536)
SOURCE = """
import torch
import torch.nn.functional as F
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.project = torch.nn.Linear(192, 3 * 192)
        self.back = torch.nn.Linear(192, 192)
    def forward(self, x):
        q, k, v = self.project(x).view({batch}, -1, 3, 3, 64).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q{few}, k, v, is_causal={causal})
        return self.back(y.transpose(1, 2).reshape({batch}, -1, 192)) + x{few_rows}
def get_inputs():
    return [torch.randn({batch}, {length}, 192)]
def get_init_inputs():
    return []
"""
FORMS = {
    "causal": {"batch": 24, "length": 512, "few": "", "few_rows": "", "causal": True},
    "few queries": {"batch": 1, "length": 2048, "few": "[:, :, :8]", "few_rows": "[:, :8]", "causal": False},
}


@cache
def plans(name):
    session = Session(Problem("small", SOURCE.format(**FORMS[name])), TritonDialect(), GPU)
    return session, [plan for plan, _, _ in islice(seed_plans(session.captured, designer(session, load())), 8)]


def attention_of(plan):
    return next((i for i, kernel in enumerate(plan.kernels) if kernel.kind == "attention"), None)


def changed(plan, at, kernel):
    return replace(plan, kernels=(*plan.kernels[:at], kernel, *plan.kernels[at + 1 :]))


@pytest.mark.parametrize("name", FORMS)
def test_projections_and_attention_are_three_kernels(name):
    _, found = plans(name)
    kinds = [kernel.kind for kernel in found[0].kernels]
    assert kinds == ["matmul", "attention", "matmul"]
    keys = {found[0].kernels[1].choices["keys"]}
    assert keys == {"split" if name == "few queries" else "together"}


@pytest.mark.parametrize("name", FORMS)
def test_no_decision_moves_the_signature_and_every_structure_has_its_own(name):
    session, (plan, *_) = plans(name)
    at = attention_of(plan)
    kernel, generator = plan.kernels[at], session.dialect.generators["attention"]
    graph = session.graph(plan.rewrites)
    expected = structure(session.text(plan, "base"), Dialect.TRITON)
    for decision in generator.schedule(graph, kernel, GPU).values():
        for value in decision.choices if name == "causal" else decision.choices[-2:]:
            other = replace(kernel, schedule={**kernel.schedule, decision.name: replace(decision, value=value)})
            text = session.text(changed(plan, at, other), "changed")
            assert structure(text, Dialect.TRITON) == expected, (decision.name, value)
        opened = {knob.role for knob in Candidate(text, Dialect.TRITON).knobs.values()}
        assert decision.name in opened or {*decision.choices} <= {decision.value}
    others = {
        structure(
            session.text(changed(plan, at, replace(kernel, choices=choices, schedule={})), "other"), Dialect.TRITON
        )
        for choices in generator.structures(graph, kernel.nodes, kernel.outputs)
    }
    assert expected in others and len(others) == len(generator.structures(graph, kernel.nodes, kernel.outputs))


@pytest.mark.parametrize("name", FORMS)
def test_the_experts_defaults_break_no_constraint(name):
    session, found = plans(name)
    for plan in found:
        assert load().violations(Candidate(session.text(plan, "seed"), Dialect.TRITON), {}, GPU) == []


def test_every_lever_finds_advice():
    session, found = plans("causal")
    chosen = {"products": "as given"}.items()
    plan = next(each for each in found if any(chosen <= kernel.choices.items() for kernel in each.kernels))
    facts = Candidate(session.text(plan, "seed"), Dialect.TRITON).facts
    attention = {name: each for name, each in facts.items() if each["kind"] == "attention"}
    groups = {each.group for each, _ in load().applicable(attention, GPU, Dialect.TRITON)}
    assert {"mapping", "tiling", "staging", "precision"} <= groups
