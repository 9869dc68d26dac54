"""Passes that are joined, softmax online and mean with variance, against float64 and torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from conftest import kernel_plan

from egg_search.core.hardware import detect_cpu
from operators.authors.expert.cpp.compile import Kernel
from operators.authors.expert.cpp.nest import NestGenerator

NEST = NestGenerator()
ONLINE, ONE = {"softmax": "online"}, {"moments": "one pass"}
SCHEDULES = {
    "inside": {"lanes": "inside", "parallel": "serial"},
    "across": {"lanes": "across", "parallel": "serial"},
    "split": {"lanes": "inside", "parallel": "split", "parts": 4},
    "split across": {"lanes": "across", "parallel": "split", "parts": 4, "col_block": 16},
}


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def normalised(x):
    return (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-5).sqrt()


CASES = {
    "softmax": (ONLINE, lambda x: torch.softmax(x * 3, -1), data(19, 781)),
    "softmax columns": (ONLINE, lambda x: torch.softmax(x, 0), data(145, 83)),
    "softmax middle": (ONLINE, lambda x: torch.log_softmax(x, 1), data(3, 21, 5, 9)),
    "long softmax": (ONLINE, lambda x: torch.log_softmax(x * 5, -1), data(3, 40_001)),
    "logsumexp": (ONLINE, lambda x: torch.logsumexp(x, (0, 2)), data(6, 10, 45)),
    "double": (ONLINE, lambda x: torch.softmax(x, -1), data(3, 333).double()),
    "layer norm": (ONE, lambda x, w: F.layer_norm(x, (7, 31), w), data(6, 7, 31), data(7, 31)),
    "group norm": (ONE, lambda x, w, b: F.group_norm(x, 4, w, b), data(3, 12, 5, 7), data(12), data(12, seed=1)),
    "batch norm": (ONE, lambda x: F.batch_norm(x, None, None, None, None, True), data(4, 6, 7, 9)),
    "half": (ONE, lambda x: F.layer_norm(x, (77,)), data(5, 77).bfloat16()),
    "column deviation": (ONE, lambda x: (x.mean(0), x.std(0)), data(203, 37)),
    "by hand": (ONE, normalised, data(9, 1001)),
}


def every_other(names, others):
    """Pairs of which each name and each of the others is in half; the rest is for `make chaos`."""
    pairs = [(i + j, name, other) for i, name in enumerate(names) for j, other in enumerate(others)]
    return [pytest.param(*pair, marks=pytest.mark.chaos if at % 2 else ()) for at, *pair in pairs]


@pytest.mark.parametrize(("name", "schedule"), every_other(CASES, SCHEDULES))
def test_joint_passes_agree_with_float64(check, name, schedule):
    choices, *case = CASES[name]
    check(NEST, *case, choices=choices, tolerance=8e-3 if name == "half" else 2e-6, **SCHEDULES[schedule])


def marks(code):
    return [line.strip() for line in code.source.splitlines() if "// pass" in line]


@pytest.mark.parametrize(("name", "role"), [("softmax", "softmax"), ("layer norm", "moments"), ("by hand", "moments")])
def test_structures_offers_both_and_their_passes_differ(name, role):
    _, function, *inputs = CASES[name]
    graph, kernel = kernel_plan(NEST, function, inputs)
    offered = NEST.structures(graph, kernel.nodes, kernel.outputs)
    assert offered[0][role] in ("separate", "two passes")
    plans = {o[role]: kernel_plan(NEST, function, inputs, o) for o in offered}
    codes = [NEST.emit(*plan, "k0") for plan in plans.values()]
    assert len(codes) == 2 and marks(codes[0]) != marks(codes[1])
    separate, joint = (NEST.facts(*plan, detect_cpu())["passes"] for plan in plans.values())
    assert (separate, joint) == (3, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.amax(1) + x.exp().sum(1),
        lambda x: (x - x.amin(1, keepdim=True)).exp().sum(1),
        lambda x: (x - x.sum(1, keepdim=True) / 50).square().sum(1),
        lambda x: (x * 2 - x.mean(1, keepdim=True)).square().sum(1),
        lambda x: (x.square().mean(1) + 1e-5).sqrt(),
    ],
)
def test_what_only_looks_alike_stays_apart(function):
    graph, kernel = kernel_plan(NEST, function, (data(8, 60),))
    assert all(role == "keep" for each in NEST.structures(graph, kernel.nodes, kernel.outputs) for role in each)


def run(folder, function, x, choices, **schedule):
    graph, kernel = kernel_plan(NEST, function, (x,), choices, **schedule)
    values = {n.id: x for n in graph.nodes if n.op == "input"}
    results = Kernel(NEST.emit(graph, kernel, "k0"), folder)(graph, values)
    return [results[o] for o in graph.outputs]


def unusual_rows():
    inf, nan = float("inf"), float("nan")
    x = data(12, 150)
    x[0], x[1, 3], x[2, 149], x[3, 0] = -inf, inf, nan, nan
    x[4, ::2], x[5, 1:], x[6] = -inf, -inf, inf
    x[7, 5], x[7, 90], x[8] = inf, -inf, 3e38
    x[9], x[10] = torch.linspace(-200, 200, 150), torch.linspace(200, -200, 150)
    return x


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("function", [lambda x: torch.softmax(x, 1), lambda x: torch.logsumexp(x, 1)])
def test_online_has_infinities_and_nan_where_torch_has_them(build_folder, function, schedule):
    x = unusual_rows()
    (result,), expected = run(build_folder, function, x, ONLINE, **SCHEDULES[schedule]), function(x)
    torch.testing.assert_close(result, expected, equal_nan=True, rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_moments_have_infinities_and_nan_where_torch_has_them(build_folder, schedule):
    def function(x):
        return x.mean(1), x.var(1)

    x = unusual_rows()[:8]
    for result, expected in zip(run(build_folder, function, x, ONE, **SCHEDULES[schedule]), function(x), strict=True):
        torch.testing.assert_close(result, expected, equal_nan=True)


AWKWARD = {
    "offset": lambda: data(9, 5003) + 1e3,
    "large offset": lambda: data(9, 5003) + 1e5,
    "constant": lambda: torch.full((9, 5003), 1e3 / 7),
    "heavy tails": lambda: data(9, 5003) / (data(9, 5003, seed=1).abs() + 1e-5),
    "outlier first": lambda: torch.cat([torch.full((9, 1), 1e6), data(9, 5002)], 1),
    "growing": lambda: torch.arange(9 * 5003).reshape(9, 5003) * 1e-3,
}


@pytest.mark.parametrize(("name", "lanes"), every_other(AWKWARD, ["inside", "across"]))
@pytest.mark.parametrize("choices", [ONE, ONLINE], ids=["moments", "softmax"])
def test_awkward_rows_are_as_exact_as_torch(build_folder, name, lanes, choices):
    x = AWKWARD[name]()
    function = normalised if choices is ONE else lambda x: torch.logsumexp(x, 1)
    truth = function(x.double())
    (result,) = run(build_folder, function, x, choices, lanes=lanes)
    error, eager = ((r.double() - truth).abs().max().item() for r in (result, function(x)))
    assert error <= 2 * eager + 1e-6 * truth.abs().max().item()


STREAMED = {
    "softmax": (lambda x: torch.softmax(x, -1), data(401, 3001)),
    "two results": (lambda x: (x - x.amax(1, keepdim=True), x == x.amax(1, keepdim=True)), data(131, 9001)),
    "planes": (lambda x: F.batch_norm(x, None, None, None, None, True), data(9, 7, 150, 101)),
}


@pytest.mark.parametrize("schedule", [{}, {"parallel": "split", "parts": 3}, {"lanes": "across"}])
@pytest.mark.parametrize("name", STREAMED)
def test_rows_written_after_reductions_may_be_streamed(check, name, schedule):
    code = check(NEST, *STREAMED[name], stream_stores=1, **schedule)
    assert ("k_stream" in code.source) == ("lanes" not in schedule)


def test_results_that_a_cache_holds_are_not_streamed():
    _, kernel = kernel_plan(NEST, lambda x: torch.softmax(x, -1), (data(19, 781),))
    assert "stream_stores" not in kernel.schedule
