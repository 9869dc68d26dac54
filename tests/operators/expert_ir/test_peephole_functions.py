"""Functions of functions that are one, and only where nothing is rounded in between."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from operators.authors.expert.capture import capture
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.interpret import interpret
from operators.authors.expert.ir.terms import Terms

SAME = {
    "softplus": F.softplus,
    "logsigmoid": F.logsigmoid,
}
GATES = {
    "mish": F.mish,
    "mish by hand": lambda x: x * torch.tanh(F.softplus(x)),
}
TANHS = {
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "gelu by hand": lambda x: 0.5 * x * (1.0 + torch.tanh(0.7978845608 * (x + 0.044715 * torch.pow(x, 3.0)))),
    "a half of it": lambda x: (torch.tanh(x) + 1) * 0.5,
}


ERFS = {
    "gelu": F.gelu,
    "gelu by hand": lambda x: x * 0.5 * (1.0 + torch.erf(x / 2.0**0.5)),
}


class Model(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def ops(graph):
    return {node.op for node in graph.nodes}


def captured(function, dtype=torch.float32):
    x = torch.linspace(-30, 30, 1001, dtype=dtype)
    return capture(Model(function), [x]), x


@pytest.mark.parametrize("name", SAME)
def test_softplus_is_one_function(name):
    graph, x = captured(SAME[name])
    assert "softplus" in ops(graph) and not ops(graph) & {"exp", "log", "log1p", "where"}
    assert torch.allclose(interpret(graph, [x], {})[0], SAME[name](x.double()).float(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", GATES)
def test_the_tanh_of_softplus_is_one_function(name):
    graph, x = captured(GATES[name])
    assert "mish_gate" in ops(graph) and not ops(graph) & {"exp", "log1p", "softplus", "tanh"}
    assert torch.allclose(interpret(graph, [x], {})[0], GATES[name](x.double()).float(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", TANHS)
def test_one_and_a_tanh_is_a_sigmoid(name):
    graph, x = captured(TANHS[name])
    assert "sigmoid" in ops(graph) and "tanh" not in ops(graph)
    assert torch.allclose(interpret(graph, [x], {})[0], TANHS[name](x.double()).float(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ERFS)
def test_one_and_erf_is_one_function(name):
    graph, x = captured(ERFS[name])
    assert "erf_plus_one" in ops(graph) and "erf" not in ops(graph)
    assert torch.allclose(interpret(graph, [x], {})[0], ERFS[name](x.double()).float(), rtol=1e-6, atol=1e-6)


def factor(dtype=DType.F32, shape=(4, 8)):
    """The ops of x (1 + tanh(x)), of this type."""
    t = Terms()
    x = t.input(0, TensorType(dtype, shape))
    return [t.builder[i].op for i in t.builder[(x * (x.map("tanh") + 1)).id].inputs]


@pytest.mark.parametrize(
    ("dtype", "kept"), [(DType.F32, False), (DType.F64, False), (DType.F16, True), (DType.BF16, True)]
)
def test_what_is_rounded_in_between_stays(dtype, kept):
    assert ("add" in factor(dtype)) is kept


def test_one_that_takes_another_shape_stays():
    t = Terms()
    x = t.input(0, TensorType(DType.F32, (4, 1)))
    ones = t.const(1.0, DType.F32).broadcast((4, 8))
    assert "add" in [t.builder[i].op for i in t.builder[((x.map("tanh") + ones) * x).id].inputs]


@pytest.mark.parametrize("function", [torch.log, torch.reciprocal])
def test_what_is_no_factor_stays(function):
    """It would be finite where torch's is not."""
    graph, _ = captured(lambda x: function(1 + torch.tanh(x)))
    assert "tanh" in ops(graph) and "sigmoid" not in ops(graph)


@pytest.mark.parametrize(("threshold", "x"), [(20.0, 90.0), (1000.0, 90.0), (5.0, 6.0)])
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_softplus_is_what_torch_says_beyond_its_threshold_and_overflows_where_it_does(threshold, x, beta):
    def function(x):
        return F.softplus(x, beta, threshold)

    values = torch.tensor([x, 1e38, -1e38, 1.0])
    graph = capture(Model(function), [values])
    assert torch.allclose(interpret(graph, [values], {})[0], function(values), rtol=1e-6)


def test_a_threshold_that_is_seen_stays():
    assert "where" in ops(captured(lambda x: F.softplus(x, threshold=5.0))[0])
    assert "where" in ops(captured(F.softplus, torch.float64)[0])
