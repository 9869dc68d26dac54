"""Outputs that say nothing of the inputs are reported, and only those."""

from __future__ import annotations

import pytest

from egg_search.core.problem import Problem
from evaluator.correctness.degenerate import degeneracies
from evaluator.correctness.reference import Reference

SOURCE = """
import torch
import torch.nn as nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(2, 4, affine=False)
        self.scale = nn.Parameter(torch.randn(4))

    def forward(self, x):
        return {forward}

def get_inputs():
    return [{inputs}]

def get_init_inputs():
    return []
"""


def found(forward: str, inputs: str = "torch.randn(3, 4, 8, 5)") -> tuple[str, ...]:
    reference = Reference(Problem("small", SOURCE.format(forward=forward, inputs=inputs)), seed=3)
    return degeneracies([reference.case(seed) for seed in (11, 12, 13)])


ZERO, ONE = "output 0 is zero everywhere, whatever the inputs are", "output 0 is 1 everywhere, whatever the inputs are"


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        ("torch.softmax(x.sum(1, keepdim=True), 1)", ONE),
        ("x - x", ZERO),
        ("torch.relu(-torch.exp(x))", ZERO),
        ("x.clamp(min=50.0)", "output 0 is 50 everywhere, whatever the inputs are"),
        ("self.norm(x).mean((1, 2, 3))", ZERO),  # to within rounding
        ("(x - x.mean()).mean()", ZERO),
        ("self.scale.exp() + 0 * x.sum()", "output 0 does not depend on the inputs"),
        ("x.sum().expand(3, 4)", "output 0 has one value in all its elements"),
        ("torch.log(-x.abs() - 1)", "output 0 is NaN everywhere"),
        ("x > 100", ZERO),
        ("x.abs().argmax(1) >= 0", ONE),
        ("x[:0]", "output 0 has no elements"),
    ],
)
def test_degenerate(forward, expected):
    assert found(forward) == (expected,)


@pytest.mark.parametrize(
    "forward",
    [
        "torch.softmax(x, 1)",
        "self.norm(x)",
        "x.mean()",
        "x.argmax(1)",
        "torch.relu(x - 2)",
        "1e4 + x",
        "x * 1e-20",
        "torch.where(x > 0, x, float('nan'))",
        "torch.logsumexp(x, 1)",
        "(self.scale[0] * x).sum() - x.sum()",
    ],
)
def test_not_degenerate(forward):
    assert found(forward) == ()


def test_each_output_is_reported_by_its_position():
    assert found("(x, x - x, x.max())") == ("output 1 is zero everywhere, whatever the inputs are",)


def test_inputs_that_never_change_are_reported_and_nothing_is_concluded_from_them():
    assert found("x * self.scale", "torch.arange(4.0)") == ("the inputs are the same for every seed",)


def test_an_output_that_depends_on_one_input_in_few_elements_is_not_degenerate():
    assert found("torch.cat([x.new_ones(100000), x.flatten()[:1]])") == ()
