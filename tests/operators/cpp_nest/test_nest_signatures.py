"""Joint passes are other structures; streaming their results is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egg_search.core.candidate import Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.signature import structure
from operators.authors.expert.cpp.dialect import CppDialect
from operators.authors.expert.plan import KernelPlan, Plan
from operators.authors.expert.session import Session

MACHINE = Hardware("cpu", "any", 8, 32, 32 << 10, 256 << 10, 16 << 20, 1 << 34)
FORWARDS = {
    "softmax": ("torch.softmax(x, -1)", {"separate", "online"}),
    "moments": ("torch.nn.functional.layer_norm(x, (1000,))", {"two passes", "one pass"}),
}


@pytest.mark.parametrize("role", FORWARDS)
def test_each_choice_has_a_signature_of_its_own_that_streaming_keeps(role):
    forward, expected = FORWARDS[role]
    source = f"""
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return {forward}
def get_inputs():
    return [torch.randn(128, 1000)]
def get_init_inputs():
    return []
"""
    session = Session(Problem(role, source), CppDialect(), MACHINE)
    graph, nest = session.captured, session.dialect.generators["nest"]
    nodes = tuple(n.id for n in graph.nodes if n.op != "input")
    signatures = {}
    for choices in nest.structures(graph, nodes, graph.outputs):
        kernel = KernelPlan("nest", nodes, graph.outputs, choices)
        schedule = nest.schedule(graph, kernel, MACHINE)
        for value in schedule["stream_stores"].choices:
            decided = {**schedule, "stream_stores": replace(schedule["stream_stores"], value=value)}
            text = session.text(Plan((), (replace(kernel, schedule=decided),)), "one kernel")
            signatures.setdefault(tuple(choices.items()), set()).add(structure(text, Dialect.CPP))
    assert {dict(choices)[role] for choices in signatures} == expected
    assert all(len(found) == 1 for found in signatures.values())
    assert len(set.union(*signatures.values())) == len(signatures)
