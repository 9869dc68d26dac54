"""Scans in whole candidates: signatures under every lever, constraints, knobs, fusion with what is around them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

pytest.importorskip("triton")

from small_sessions import small_session

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.signature import structure
from operators.authors.expert.moves.structure import designer
from operators.authors.expert.structures.seeds import seed_plans
from operators.authors.expert.triton.dialect import TritonDialect
from principles import load

GPU = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536)
FORWARDS = {
    "rows": ("torch.cumsum(x * 2, 1) + x", "20000, 3000"),
    "columns": ("torch.cumsum(x, 0)", "4000, 3000"),
    "few long rows": ("torch.cumsum(x, 1)", "4, 2000000"),
    "shifted": ("torch.nn.functional.pad(torch.cumsum(x, -1), (1, 0))[:, :-1] + 0.5 * x", "20000, 3000"),
    "product": ("torch.cumprod(torch.sigmoid(x), 1)", "20000, 3000"),
}


@cache
def plans(name):
    session = small_session(name, *FORWARDS[name], GPU, TritonDialect)
    found = [plan for plan, _, _ in seed_plans(session.captured, designer(session, load())) if not plan.launch]
    return session, [plan for plan in found if [k.kind for k in plan.kernels] == ["scan"]]


@pytest.mark.parametrize("name", FORWARDS)
def test_no_decision_moves_the_signature_and_every_structure_has_its_own(name):
    session, found = plans(name)
    assert found, "not one kernel"
    seen = set()
    for plan in found:
        expected = structure(session.text(plan, "base"), Dialect.TRITON)
        assert expected not in seen
        seen.add(expected)
        (kernel,) = plan.kernels
        for offered in session.dialect.generators["scan"].schedule(session.captured, kernel, GPU).values():
            tried = [replace(offered, value=v, choices=()) for v in offered.choices[-2:]]
            for decision in (*tried, *([offered] if len(offered.choices) > 1 else [])):
                changed = replace(kernel, schedule={**kernel.schedule, decision.name: decision})
                text = session.text(replace(plan, kernels=(changed,)), "changed")
                assert structure(text, Dialect.TRITON) == expected, (decision.name, decision.value)
                knobs = Candidate(text, Dialect.TRITON).knobs
                assert len(decision.choices) < 2 or len(knobs) == 1, decision.name


@pytest.mark.parametrize("name", FORWARDS)
def test_the_experts_defaults_break_no_constraint(name):
    session, found = plans(name)
    for plan in found:
        assert load().violations(Candidate(session.text(plan, "seed"), Dialect.TRITON), {}, GPU) == []


def test_structures_of_few_long_rows():
    _, found = plans("few long rows")
    assert [plan.kernels[0].choices["scan"] for plan in found] == ["look back", "split", "one pass"]
