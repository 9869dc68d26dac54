"""Whatever stage two may decide about the expert's kernels leaves the structure signature as it was."""

from dataclasses import replace
from itertools import islice

import pytest
from small_sessions import small_session

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.signature import structure
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.structures.seeds import seed_plans
from principles import load

MACHINES = {
    "avx2": Hardware("cpu", "avx2", 8, 32, 32 << 10, 256 << 10, 16 << 20, 1 << 34),
    "avx512": Hardware("cpu", "avx512", 2, 64, 48 << 10, 2 << 20, 32 << 20, 1 << 34),
}
FORWARDS = {
    "softmax": ("torch.softmax(x * 0.5, -1)", "64, 1000"),
    "column statistics": ("(x - x.mean(0)) / (x.std(0) + 1e-5)", "1000, 48"),
    "elementwise": ("torch.nn.functional.gelu(x) * torch.sigmoid(x)", "64, 4096"),
    "scan": ("torch.cumsum(x, -1)", "64, 1000"),
    "product": ("torch.relu(x @ x.transpose(0, 1) + 1)", "600, 500"),
    "convolution": ("torch.nn.functional.conv2d(x, self.w)", "2, 8, 20, 20"),
    "attention": ("torch.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)", "2, 4, 200, 64"),
}


def session(name, hardware):
    return small_session(name, *FORWARDS[name], hardware)


def favourite(found):
    return next(seed_plans(found.captured, designer(found, load())))[0]


@pytest.mark.parametrize("name", FORWARDS)
def test_no_decision_moves_the_signature(name):
    found = session(name, MACHINES["avx2"])
    plan = favourite(found)
    expected = structure(found.text(plan, "base"), Dialect.CPP)
    tried = 0
    for i, kernel in enumerate(plan.kernels):
        if kernel.kind not in found.dialect.generators:
            continue
        offered = found.dialect.generators[kernel.kind].schedule(found.graph(plan.rewrites), kernel, found.hardware)
        for decision in offered.values():
            for value in decision.choices:
                changed = replace(kernel, schedule={**kernel.schedule, decision.name: replace(decision, value=value)})
                kernels = (*plan.kernels[:i], changed, *plan.kernels[i + 1 :])
                text = found.text(replace(plan, kernels=kernels), "changed")
                assert structure(text, Dialect.CPP) == expected, (kernel.kind, decision.name, value)
                tried += 1
    assert tried >= 8


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", FORWARDS)
def test_the_experts_defaults_break_no_constraint(name, machine):
    found = session(name, MACHINES[machine])
    for plan, _, _ in islice(seed_plans(found.captured, designer(found, load())), 3):
        candidate = Candidate(found.text(plan, "seed"), Dialect.CPP)
        assert load().violations(candidate, {}, found.hardware) == []


def test_every_lever_finds_advice_for_a_product():
    found = session("product", MACHINES["avx2"])
    candidate = Candidate(found.text(favourite(found), "seed"), Dialect.CPP)
    groups = {each.group for each, _ in load().applicable(candidate.facts, found.hardware, Dialect.CPP)}
    assert {"structure", "mapping", "tiling", "staging"} <= groups
