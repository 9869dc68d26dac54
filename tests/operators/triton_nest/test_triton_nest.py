"""Triton kernels of nests in the interpreter, against float64."""

from __future__ import annotations

from itertools import cycle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quotients import quotients

pytest.importorskip("triton")

from interpreted import case, check, structures


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def softmax_of_masked(x, mask):
    return torch.softmax(torch.where(mask, x * 0.3, -1e9), -1)


CASES = {
    "gelu": (F.gelu, data(17, 53)),
    "gates": (lambda x, y: F.mish(x) * torch.sigmoid(y) + F.softplus(x - y), data(9, 77), data(9, 77, seed=1)),
    "bias": (lambda x, b: torch.relu(x + b), data(5, 7, 33), data(33)),
    "channels": (lambda x, b: (x * b[:, None, None]).clamp(-1, 2), data(2, 5, 6, 7), data(5)),
    "outer": (lambda a, b: a[:, None] * b, data(40), data(33)),
    "softmax": (lambda x: torch.softmax(x, -1), data(19, 81)),
    "softmax columns": (lambda x: torch.softmax(x, 0), data(45, 83)),
    "softmax middle": (lambda x: torch.log_softmax(x, 1), data(2, 21, 3, 5)),
    "masked softmax": (softmax_of_masked, data(4, 6, 65), data(4, 1, 65) > 0),
    "logsumexp": (lambda x: torch.logsumexp(x, (0, 2)), data(6, 10, 45)),
    "layer norm": (lambda x, w, b: F.layer_norm(x, (7, 31), w, b), data(6, 7, 31), data(7, 31), data(7, 31, seed=1)),
    "group norm": (lambda x, w, b: F.group_norm(x, 4, w, b), data(3, 12, 5, 7), data(12), data(12, seed=1)),
    "batch norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), data(4, 6, 7, 9), data(6), data(6, seed=1)),
    "unit rows": (lambda x: F.normalize(x, dim=1), data(11, 130)),
    "sums": (lambda x: (x.sum(1), (x * x).mean(1), x.amax(1), x.amin(1)), data(13, 133)),
    "column sums": (lambda x: (x.sum(0), x.amax(0)), data(133, 13)),
    "middle std": (lambda x: x.std(1), data(3, 40, 17)),
    "product": (lambda x: (x * 0.1 + 1).prod(1), data(9, 50)),
    "any all": (lambda x: ((x > 2.5).any(1), (x > -3).all(1)), data(40, 100)),
    "argmax": (lambda x: (x.argmax(1), x.argmin(1)), data(5, 130).round()),
    "argmax columns": (lambda x: x.argmax(0), data(130, 9).round()),
    "whole": (lambda x: x.sum(), data(100, 101)),
    "whole used": (lambda x: x / x.norm(), data(30, 31)),
    "mse": (F.mse_loss, data(20, 31), data(20, 31, seed=1)),
    "cross entropy": (F.cross_entropy, data(14, 99), torch.arange(14) % 7),
    "cosine": (lambda a, b: (1 - F.cosine_similarity(a, b)).mean(), data(33, 64), data(33, 64, seed=1)),
    "max pool": (lambda x: F.relu(F.max_pool2d(x, 3, 2, 1)), data(2, 2, 9, 11)),
    "avg pool": (lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) * 2, data(2, 2, 7, 9)),
    "glu": (lambda x: F.glu(x, -1), data(6, 90)),
    "views": (lambda x: torch.flip(x.reshape(4, 6, 10).permute(2, 0, 1)[1:, :, ::2], [0]) + 1, data(24, 10)),
    "transposed": (lambda x: (x.transpose(1, 2) * 2).contiguous(), data(2, 35, 40)),
    "pad": (lambda x: F.pad(x, (1, 2, 3, 0), value=5.0) * 2, data(6, 40)),
    "concat": (lambda x, y: torch.cat([x, y * 2, x], 1) - 1, data(6, 40), data(6, 11)),
    "rotate": (lambda x, c: x * c + torch.cat([-x[..., 16:], x[..., :16]], -1), data(3, 9, 32), data(9, 32)),
    "embedding": (lambda w, i: w[i] * 2, data(50, 24), torch.arange(60).reshape(6, 10) % 50),
    "gather": (lambda x, i: x.gather(1, i).sum(1), data(12, 30), torch.arange(48).reshape(12, 4) % 30),
    "casts": (lambda x, i: x * (i > 3) + i // 2, data(9, 31), torch.arange(31)),
    "integers": (lambda i: ((i - 5) // 3, (i - 5) % 3, i * 2 > 7), torch.arange(60).reshape(6, 10)),
}  # fmt: skip


def test_agrees_with_float64(tmp_path):
    check(tmp_path, {name: case(*each) for name, each in CASES.items()})


def test_quotients_quick_and_rounded(tmp_path):
    check(tmp_path, quotients(case), 4e-6)


SCHEDULES = {
    "narrow": {"rows_per_program": 4, "col_block": 16, "block": 128, "parts": 4, "num_warps": 1},
    "wide": {"rows_per_program": 32, "col_block": 64, "block": 512, "programs_per_core": 1},
    "persistent": {"programs_per_core": 2, "rows_per_program": 2, "col_block": 32},
    "hints": {"read_policy": "evict_first", "reread_policy": "evict_last", "store_cache": ".cs", "num_stages": 2},
}
VARIED = ("softmax middle", "group norm", "argmax", "cross entropy", "bias")


def test_every_structure_and_schedule_gives_the_same_values(tmp_path):
    cases = {}
    for name in VARIED:
        function, *inputs = CASES[name]
        schedules = cycle(SCHEDULES.items())
        favourite, *others = structures(function, *inputs)
        for choices in (*[favourite] * len(SCHEDULES), *others):
            told, schedule = next(schedules)
            cases[f"{name} {choices} {told}"] = case(function, *inputs, choices=choices, **schedule)
    check(tmp_path, cases)


@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shapes=st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=4), min_size=4, max_size=4), pick=st.data())
def test_any_shape_and_axes(tmp_path_factory, shapes, pick):
    cases = {}
    for i, shape in enumerate(shapes):
        axes = tuple(pick.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))

        def function(x, axes=axes):
            return x - x.mean(axes, keepdim=True), x.amax(axes) * 2, torch.logsumexp(x, axes)

        x = data(*shape)
        choices = pick.draw(st.sampled_from(structures(function, x)))
        if pick.draw(st.booleans()) and choices.get("row") == "memory":
            choices = {**choices, "row": "split"}
        rows, block = (pick.draw(st.sampled_from((1, 4, 16))) for _ in range(2))
        cases[f"{i} {shape} {axes} {choices}"] = case(
            function, x, choices=choices, rows_per_program=rows, col_block=block, parts=4
        )
    check(tmp_path_factory.mktemp("any"), cases, 3e-6)
