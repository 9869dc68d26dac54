"""Runs a torch function as one generated kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from egg_search.core.hardware import detect_cpu
from operators.authors.expert.capture import capture
from operators.authors.expert.cpp.compile import Kernel
from operators.authors.expert.plan import KernelPlan


class _Model(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def kernel_plan(generator, function, inputs, choices=None, **schedule):
    """(graph, plan) of all of `function` as one kernel under the default schedule with some values changed."""
    graph = capture(_Model(function), inputs)
    nodes = tuple(n.id for n in graph.nodes if n.op != "input")
    outputs = tuple(dict.fromkeys(graph.outputs))
    assert generator.supports(graph, nodes, outputs)
    chosen = generator.structures(graph, nodes, outputs)[0] if choices is None else choices
    kernel = KernelPlan(generator.kind, nodes, outputs, chosen)
    decisions = generator.schedule(graph, kernel, detect_cpu())
    decisions |= {name: replace(decisions[name], value=value) for name, value in schedule.items()}
    return graph, replace(kernel, schedule=decisions)


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture
def check(build_folder):
    """check(generator, function, *inputs): compiles, runs and compares with float64."""

    def run(generator, function, *inputs, choices=None, tolerance=2e-6, **schedule):
        graph, kernel = kernel_plan(generator, function, inputs, choices, **schedule)
        code = generator.emit(graph, kernel, "k0")
        values = {n.id: inputs[n.attrs["position"]] for n in graph.nodes if n.op == "input"}
        results = Kernel(code, build_folder)(graph, values)
        wide = [x.double() if x.is_floating_point() else x for x in inputs]
        truth = function(*wide)
        for output, expected in zip(graph.outputs, truth if isinstance(truth, tuple) else (truth,), strict=True):
            assert_near(results[output], expected, tolerance)
        return code

    return run


def assert_near(result, expected, tolerance):
    """Equal infinities and NaN, and errors below `tolerance` of the largest value; integers are equal."""
    assert result.shape == expected.shape
    if not expected.is_floating_point():
        assert torch.equal(result, expected.to(result.dtype))
        return
    expected, result = expected.double(), result.double()
    finite = expected.isfinite() & (expected.abs() < 3e38)
    assert torch.equal(result[~finite].nan_to_num(), expected[~finite].float().double().nan_to_num())
    scale = expected[finite].abs().max().item() if finite.any() else 0.0
    assert (result - expected)[finite].abs().max().item() <= tolerance * scale + 1e-37 if finite.any() else True
