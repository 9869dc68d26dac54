"""Nest kernels, compiled and run, against float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.authors.expert.capture import capture
from operators.authors.expert.cpp.nest import NestGenerator

NEST = NestGenerator()


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def softmax_of_masked(x, mask):
    return torch.softmax(torch.where(mask, x * 0.3, -1e9), -1)


CASES = {
    "gelu": (F.gelu, data(37, 53)),
    "gates": (lambda x, y: F.mish(x) * torch.sigmoid(y) + F.softplus(x - y), data(9, 77), data(9, 77, seed=1)),
    "bias": (lambda x, b: torch.relu(x + b), data(5, 7, 33), data(33)),
    "channels": (lambda x, b: (x * b[:, None, None]).clamp(-1, 2), data(2, 5, 6, 7), data(5)),
    "softmax": (lambda x: torch.softmax(x, -1), data(19, 781)),
    "softmax columns": (lambda x: torch.softmax(x, 0), data(45, 83)),
    "softmax middle": (lambda x: torch.log_softmax(x, 1), data(3, 21, 5, 9)),
    "masked softmax": (softmax_of_masked, data(4, 6, 65), data(4, 1, 65) > 0),
    "logsumexp": (lambda x: torch.logsumexp(x, (0, 2)), data(6, 10, 45)),
    "layer norm": (lambda x, w, b: F.layer_norm(x, (7, 31), w, b), data(6, 7, 31), data(7, 31), data(7, 31, seed=1)),
    "group norm": (lambda x, w, b: F.group_norm(x, 4, w, b), data(3, 12, 5, 7), data(12), data(12, seed=1)),
    "batch norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), data(4, 6, 7, 9), data(6), data(6, seed=1)),
    "unit rows": (lambda x: F.normalize(x, dim=1), data(11, 130)),
    "sums": (lambda x: (x.sum(1), (x * x).mean(1), x.amax(1), x.amin(1)), data(13, 333)),
    "column sums": (lambda x: (x.sum(0), x.amax(0)), data(333, 13)),
    "middle std": (lambda x: x.std(1), data(3, 40, 17)),
    "product": (lambda x: (x * 0.1 + 1).prod(1), data(9, 50)),
    "any all": (lambda x: ((x > 2.5).any(1), (x > -3).all(1)), data(40, 100)),
    "argmax": (lambda x: (x.argmax(1), x.argmin(1)), data(9, 130).round()),
    "argmax columns": (lambda x: x.argmax(0), data(130, 9).round()),
    "whole": (lambda x: x.sum(), data(300, 301)),
    "whole used": (lambda x: x / x.norm(), data(70, 71)),
    "mse": (F.mse_loss, data(60, 61), data(60, 61, seed=1)),
    "cross entropy": (F.cross_entropy, data(30, 99), torch.arange(30) % 7),
    "cosine": (lambda a, b: (1 - F.cosine_similarity(a, b)).mean(), data(33, 64), data(33, 64, seed=1)),
    "kl": (
        lambda x, y: F.kl_div(torch.log_softmax(x, 1), torch.softmax(y, 1), reduction="batchmean"),
        data(20, 77),
        data(20, 77, seed=1),
    ),
    "max pool": (lambda x: F.relu(F.max_pool2d(x, 3, 2, 1)), data(2, 3, 17, 23)),
    "max pool dilated": (lambda x: F.max_pool2d(x, 3, 1, 1, 2), data(2, 3, 17, 23)),
    "avg pool": (lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) * 2, data(2, 3, 9, 70)),
    "avg pool 3d": (lambda x: F.avg_pool3d(x, 2), data(2, 3, 8, 6, 10)),
    "max pool 1d": (lambda x: F.max_pool1d(x, 4, 3), data(5, 2, 101)),
    "glu": (lambda x: F.glu(x, -1), data(6, 90)),
    "views": (lambda x: torch.flip(x.reshape(4, 6, 10).permute(2, 0, 1)[1:, :, ::2], [0]) + 1, data(24, 10)),
    "pad": (lambda x: F.pad(x, (1, 2, 3, 0), value=5.0) * 2, data(6, 40)),
    "concat": (lambda x, y: torch.cat([x, y * 2, x], 1) - 1, data(6, 40), data(6, 11)),
    "rotate": (lambda x, c: x * c + torch.cat([-x[..., 16:], x[..., :16]], -1), data(3, 9, 32), data(9, 32)),
    "embedding": (lambda w, i: w[i] * 2, data(50, 24), torch.arange(60).reshape(6, 10) % 50),
    "gather": (lambda x, i: x.gather(1, i).sum(1), data(12, 30), torch.arange(48).reshape(12, 4) % 30),
    "casts": (lambda x, i: x * (i > 3) + i // 2, data(9, 31), torch.arange(31)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_float64(check, name):
    check(NEST, *CASES[name])


SCHEDULES = {
    "serial": {"parallel": "serial"},
    "dynamic": {"parallel": "rows", "omp_schedule": "dynamic", "rows_per_task": 4},
    "narrow": {"vec": 4, "unroll": 1, "col_block": 16},
    "wide": {"vec": 16, "unroll": 8, "col_block": 512},
    "across": {"lanes": "across"},
    "inside": {"lanes": "inside"},
    "split": {"parallel": "split", "parts": 8},
    "split across": {"parallel": "split", "lanes": "across", "col_block": 16},
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["softmax middle", "group norm", "argmax"])
def test_schedules_give_the_same_values(check, name, schedule):
    check(NEST, *CASES[name], **SCHEDULES[schedule])


@pytest.mark.parametrize("name", ["softmax", "softmax columns", "kl"])
def test_every_structure_gives_the_same_values(check, name):
    for choices in ({"keep": "store"}, {"keep": "recompute"}):
        check(NEST, *CASES[name], choices=choices)


def special(*shape):
    """Normal numbers with infinities, NaN, signed zeros and denormals among them."""
    x = data(*shape)
    for i, value in enumerate((float("inf"), float("-inf"), float("nan"), 0.0, -0.0, 1e-41, 88.9, -104.5)):
        x.view(-1)[i * 7 + 3 :: 97] = value
    return x


def test_infinities_and_nan_come_out_where_torch_has_them(check):
    check(NEST, lambda x: (x.amax(1), x.sum(1), x.argmax(1), x.argmin(1)), special(40, 50))
    check(NEST, lambda x: (x.exp(), x.sigmoid(), x.tanh(), x.log1p(), x.erf()), special(40, 50), parallel="serial")
    check(NEST, lambda x: torch.softmax(x, 1), special(200, 20))
    check(NEST, lambda x: F.max_pool2d(x, 3, 1, 1), special(4, 30, 31))


def test_long_sums_stay_exact(check):
    x = torch.rand(3, 1 << 19, generator=torch.Generator().manual_seed(1)) + 1
    check(NEST, lambda x: x.mean(1), x, tolerance=2e-7)
    check(NEST, lambda x: x.mean(0), x.t().contiguous(), tolerance=2e-7)
    check(NEST, lambda x: x.sum(), x, tolerance=2e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types(check, dtype):
    tolerance = {torch.float16: 1e-3, torch.bfloat16: 8e-3, torch.float64: 1e-14}[dtype]
    check(NEST, lambda x: torch.softmax(x, -1) + F.silu(x), data(9, 70).to(dtype), tolerance=tolerance)


def test_refuses_reductions_over_other_rows():
    class Two(torch.nn.Module):
        def forward(self, x):
            return x.sum(0), x.sum(1)

    graph = capture(Two(), (data(6, 8),))
    nodes = tuple(n.id for n in graph.nodes if n.op != "input")
    assert not NEST.supports(graph, nodes, graph.outputs)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.lists(st.integers(1, 19), min_size=1, max_size=4), pick=st.data())
def test_any_shape_and_axes(check, shape, pick):
    axes = tuple(pick.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    check(NEST, lambda x: (x - x.mean(axes, keepdim=True), x.amax(axes) * 2), data(*shape))


def test_numeric_decisions_with_choices_become_knobs(check):
    code = check(NEST, lambda x: x.sum(1), data(64, 1000))
    assert {"K0_VEC", "K0_UNROLL"} == {k.name for k in code.knobs}
    assert all(k.name in code.source for k in code.knobs)


@pytest.mark.parametrize("shape", [(64, 1000), (7, 13), (3, 5, 4099)])
def test_streamed_results_arrive(check, shape):
    check(NEST, lambda x: (F.gelu(x), x > 0), data(*shape), stream_stores=1)


def test_the_schedule_does_not_change_the_named_passes(check):
    passes = {
        tuple(line.strip() for line in check(NEST, *CASES["kl"], **schedule).source.splitlines() if "// pass" in line)
        for schedule in SCHEDULES.values()
    }
    assert len(passes) == 1


def test_a_transposed_read_is_blocked(check):
    code = check(NEST, lambda x: (x.transpose(1, 2) * 2).contiguous(), data(3, 70, 90))
    assert code.source.index("long c = 0") < code.source.index("long r0 = 0")
