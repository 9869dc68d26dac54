"""Which quotients of a nest may be off by the last bit."""

from __future__ import annotations

import pytest
import torch
from emulated import NEST, NOMINAL, whole

from operators.authors.expert.plan import KernelPlan

CASES = {
    "softmax": (lambda x: torch.softmax(x / 0.7, -1), 1),
    "relu behind": (lambda x: torch.relu(x / (x * x + 1)), 1),
    "a threshold behind": (lambda x: (x / (x * x + 1) > 0.5).float(), 0),
    "a threshold beside": (lambda x: torch.where(x > 0.5, x / (x * x + 1), x), 1),
    "rounded": (lambda x: torch.round(x / 0.1) * 0.1, 0),
    "whole numbers": (lambda x: (x / 0.1).int(), 0),
    "none": (lambda x: torch.exp(x) * 2, None),
}


@pytest.mark.parametrize("name", CASES)
def test_quotients_are_quick_unless_the_last_bit_decides(name):
    function, expected = CASES[name]
    graph, nodes, outputs = whole(function, (torch.randn(8, 32),))
    plan = KernelPlan(NEST.kind, nodes, outputs, dict(NEST.structures(graph, nodes, outputs)[0]))
    decision = NEST.schedule(graph, plan, NOMINAL).get("quick_division")
    assert (decision and decision.value) == expected
