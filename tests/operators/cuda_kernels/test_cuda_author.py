"""The expert as an author of CUDA candidates: whole modules, their signatures under every lever, principles."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice

import pytest

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.signature import structure
from evaluator.static.flags import static_flags
from operators.authors.expert.author import ExpertAuthor
from operators.authors.expert.cuda.dialect import CudaDialect
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.session import Session
from operators.authors.expert.structures.partition import LIBRARY_KIND
from operators.authors.expert.structures.seeds import seed_plans
from operators.base import Brief
from principles import load

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90)
SOURCE = """
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return {forward}
def get_inputs():
    return [torch.randn({shape})]
def get_init_inputs():
    return []
"""
FORWARDS = {
    "softmax": ("torch.softmax(x * 0.5, -1)", "64, 1000"),
    "column statistics": ("(x - x.mean(0)) / (x.std(0) + 1e-5)", "5000, 48"),
    "elementwise": ("torch.nn.functional.gelu(x) * torch.sigmoid(x)", "64, 4096"),
    "turned": ("x.transpose(0, 1).contiguous() * 2", "64, 4096"),
    "sum": ("x.sum()", "64, 4096"),
    "around a product": ("torch.softmax(torch.relu(x @ x.t()), 1).sum()", "64, 100"),
    "loss": ("torch.logsumexp(x, 1).mean()", "64, 1000"),
    "long rows": ("torch.softmax(x, 1)", "16, 100000"),
}


def problem(name):
    forward, shape = FORWARDS[name]
    return Problem(name, SOURCE.format(forward=forward, shape=shape))


@cache
def plans(name, hardware=GPU):
    session = Session(problem(name), CudaDialect(), hardware)
    return session, [plan for plan, _, _ in islice(seed_plans(session.captured, designer(session, load())), 3)]


@pytest.mark.parametrize("name", FORWARDS)
def test_no_decision_moves_the_signature_and_every_structure_has_its_own(name):
    session, found = plans(name)
    seen = set()
    for plan in found:
        expected = structure(session.text(plan, "base"), Dialect.CUDA)
        assert expected not in seen
        assert any(line.startswith("launch") for line in expected)
        seen.add(expected)
        for i, kernel in enumerate(plan.kernels):
            if kernel.kind not in session.dialect.generators:
                continue
            generator = session.dialect.generators[kernel.kind]
            for offered in generator.schedule(session.graph(plan.rewrites), kernel, GPU).values():
                tried = [replace(offered, value=v, choices=()) for v in offered.choices[-1:]]
                tried += [offered] if len(offered.choices) > 1 else []
                for decision in tried:
                    changed = replace(kernel, schedule={**kernel.schedule, decision.name: decision})
                    kernels = (*plan.kernels[:i], changed, *plan.kernels[i + 1 :])
                    text = session.text(replace(plan, kernels=kernels), "changed")
                    assert structure(text, Dialect.CUDA) == expected, (decision.name, decision.value)
                    knobs = Candidate(text, Dialect.CUDA).knobs
                    assert len(decision.choices) < 2 or len(knobs) == 1, decision.name


def test_clusters_are_for_gpus_that_have_them():
    def forms(hardware):
        session, base = plans("long rows", hardware)[0], plans("long rows", hardware)[1][0]
        others = designer(session, load()).alternatives(session.captured, base)
        return [plan.kernels[0].choices["row"] for plan in (base, *(other for other, _ in others))]

    assert forms(GPU)[0] == "cluster"
    assert set(forms(replace(GPU, capability=80))) == set(forms(GPU)) - {"cluster"} == {"memory", "split"}


def test_a_cluster_on_an_older_gpu_breaks_a_constraint():
    session, (plan, *_) = plans("long rows")
    candidate = Candidate(session.text(plan, "seed"), Dialect.CUDA)
    (broken,) = load().violations(candidate, {}, replace(GPU, capability=80))
    assert "principle blocks-of-a-cluster" in broken


@pytest.mark.parametrize("name", FORWARDS)
def test_the_experts_defaults_break_no_constraint_and_raise_no_flag(name):
    session, found = plans(name)
    for plan in found:
        source = session.text(plan, "seed")
        assert load().violations(Candidate(source, Dialect.CUDA), {}, GPU) == []
        if all(kernel.kind != LIBRARY_KIND for kernel in plan.kernels):
            assert static_flags(source) == ()


def test_every_lever_finds_advice_and_writes_knobs():
    of = problem("softmax")
    seed = ExpertAuthor().write(Brief("seed", of, GPU, Dialect.CUDA, seed=0, limit=1))[0]
    parent = Candidate(seed.source, Dialect.CUDA)
    for lever in ("mapping", "tiling", "staging"):
        advice = load().applicable(parent.facts, GPU, Dialect.CUDA, lever)
        brief = Brief(
            lever, of, GPU, Dialect.CUDA, seed=0, limit=1, parent=parent, lever=lever,
            principles=tuple(principle for principle, _ in advice),
        )  # fmt: skip
        (writing,) = ExpertAuthor().write(brief)
        opened = Candidate(writing.source, Dialect.CUDA).knobs
        assert opened and all(knob.lever == lever for knob in opened.values())
