"""Scan kernels, compiled and run, against float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.authors.expert.capture import capture
from operators.authors.expert.cpp.scan import ScanGenerator

SCAN = ScanGenerator()


def data(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def reversed_cumsum(x):
    return torch.flip(torch.cumsum(torch.flip(x, [1]), 1), [1])


CASES = {
    "rows": (lambda x: torch.cumsum(x, 1), data(7, 1000)),
    "columns": (lambda x: torch.cumsum(x, 0), data(100, 37)),
    "middle": (lambda x: torch.cumsum(x, 1) * 2 + x, data(3, 50, 70)),
    "product": (lambda x: torch.cumprod(x * 0.1 + 1, 1), data(6, 300)),
    "product far out": (lambda x: torch.cumprod(x, 1), torch.tensor([[1e30, 1e-25, 1e-25, 1e25] * 5])),
    "reversed": (reversed_cumsum, data(5, 133)),
    "masked": (lambda x, m: torch.cumsum(x * m, 1), data(5, 400), data(5, 400) > 0),
    "integers": (lambda x: torch.cumsum(x, 1), torch.arange(600).reshape(4, 150) - 300),
    "maximum": (lambda x: torch.cummax(x, 1).values, data(7, 300)),
    "minimum of columns": (lambda x: torch.cummin(x, 0).values, data(50, 37)),
    "one row": (lambda x: torch.cumsum(x, 0), data(5000)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_float64(check, name):
    check(SCAN, *CASES[name])


@pytest.mark.parametrize(
    "schedule", [{"vec": 4}, {"vec": 16, "unroll": 2}, {"parallel": "serial", "omp_schedule": "guided"}]
)
def test_schedules_give_the_same_values(check, schedule):
    check(SCAN, *CASES["rows"], **schedule)


def test_infinities_and_nan_go_on(check):
    x = data(4, 100)
    x[0, 5], x[1, 50], x[2, 20], x[2, 60] = float("inf"), float("nan"), float("inf"), float("-inf")
    check(SCAN, lambda x: torch.cumsum(x, 1), x)
    check(SCAN, lambda x: torch.cumsum(x, 0), x)
    check(SCAN, lambda x: torch.cummax(x, 1).values, x)
    check(SCAN, lambda x: torch.cummin(x, 0).values, x)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.lists(st.integers(1, 40), min_size=1, max_size=3), axis=st.integers(0, 2))
def test_any_shape_and_axis(check, shape, axis):
    check(SCAN, lambda x: torch.cumsum(x, axis % len(shape)), data(*shape))


def test_refuses_a_scan_that_is_used_at_another_step():
    class Shifted(torch.nn.Module):
        def forward(self, x):
            total = torch.cumsum(x, 1)
            return total + torch.flip(total, [1])

    graph = capture(Shifted(), (data(3, 8),))
    nodes = tuple(n.id for n in graph.nodes if n.op != "input")
    assert not SCAN.supports(graph, nodes, graph.outputs)
