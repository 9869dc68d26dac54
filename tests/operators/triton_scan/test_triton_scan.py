"""Triton scans in the interpreter, against float64 and torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("triton")

from interpreted import assert_near, check, run, whole
from scans import LOOK_BACK, ONE_PASS, SCAN, SPLIT, case, data, extreme, structures

from operators.authors.expert.ir.interpret import interpret

FORMS = (ONE_PASS, SPLIT, LOOK_BACK)


def reversed_sum(x):
    return torch.flip(torch.cumsum(torch.flip(x, [1]), 1), [1])


def exclusive(x):
    return F.pad(torch.cumsum(x * 2, -1), (1, 0))[:, :-1] + 0.5 * x


def exclusive_from_the_end(x):
    return F.pad(reversed_sum(x), (0, 1))[:, 1:] * x


def joined(x):
    return torch.cumsum(torch.cat([torch.zeros_like(x[:, :1]), x], 1), 1)


def counts(x, keep):
    return torch.cumsum(torch.where(keep, x, 0.0), -1), torch.cumsum(keep.to(torch.int64), -1)


CASES = {
    "rows": (lambda x: torch.cumsum(x, 1), data(7, 100)),
    "one row": (lambda x: torch.cumsum(x, 0), data(500)),
    "columns": (lambda x: torch.cumsum(x, 0), data(60, 37)),
    "middle": (lambda x: torch.cumsum(torch.relu(x), 1) * 2 + x, data(3, 50, 40)),
    "running mean": (lambda x: torch.cumsum(x, 1) / torch.arange(1, 31.0)[:, None], data(2, 30, 20)),
    "product": (lambda x: torch.cumprod(x * 0.1 + 1, 1), data(4, 60)),
    "reversed": (reversed_sum, data(5, 133)),
    "exclusive": (exclusive, data(4, 70)),
    "exclusive from the end": (exclusive_from_the_end, data(4, 70)),
    "exclusive columns": (lambda x: F.pad(torch.cumsum(x, 0), (0, 0, 1, 0))[:-1] - x, data(30, 9)),
    "exclusive by concatenation": (joined, data(4, 40)),
    "masked and counted": (counts, data(5, 130), data(5, 130, seed=1) > 0),
    "integers": (lambda x: torch.cumsum(x, 1), torch.arange(600).reshape(4, 150) - 300),
    "one after another": (lambda x: torch.cumsum(torch.cumsum(x, 1) - 1, 1), data(4, 90)),
    "broadcast": (lambda x: torch.cumsum(x[:, None].expand(6, 40), 1) + 1, data(6)),
}  # fmt: skip


def test_agrees_with_float64(tmp_path):
    cases = {name: case(*each, choices=ONE_PASS) for name, each in CASES.items()}
    cases |= {f"{name} in chunks": case(*each, choices=ONE_PASS, chunk=32) for name, each in CASES.items()}
    check(tmp_path, cases, 4e-6)


SCHEDULES = {
    "several rows": {"rows_per_program": 4, "chunk": 32, "num_warps": 1},
    "narrow": {"col_block": 16, "chunk": 8, "float64": True},
    "hints": {"read_policy": "evict_first", "store_cache": ".cs", "num_stages": 2, "chunk": 32},
}


def test_schedules_give_the_same_values(tmp_path):
    cases = {}
    for name in ("rows", "middle", "reversed", "exclusive"):
        for told, schedule in SCHEDULES.items():
            cases[f"{name} {told}"] = case(*CASES[name], choices=ONE_PASS, **schedule)
    check(tmp_path, cases, 4e-6)


def test_rows_in_parts(tmp_path):
    cases = {}
    for name in ("rows", "one row", "middle", "reversed", "exclusive", "product", "integers", "masked and counted"):
        cases[name] = case(*CASES[name], choices=SPLIT, chunk=16, parts=4)
    cases["empty parts"] = case(*CASES["exclusive from the end"], choices=SPLIT, chunk=32, parts=8)
    check(tmp_path, cases, 4e-6)


def test_programs_look_back(tmp_path):
    integers = torch.arange(300, dtype=torch.int32).reshape(3, 100) - 150
    cases = {name: case(*CASES[name], choices=LOOK_BACK, chunk=32) for name in ("rows", "reversed", "exclusive")}
    # More tiles than a group has.
    cases["groups"] = case(lambda x: torch.cumsum(x, 1), data(1, 16 * 130 + 3), choices=LOOK_BACK, chunk=16)
    cases["integers"] = case(lambda x: torch.cumsum(x, 1, dtype=torch.int32), integers, choices=LOOK_BACK, chunk=16)
    check(tmp_path, cases, 4e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_extremes_keep_nan_as_torch_does(tmp_path, reverse):
    x = data(4, 90)
    x[0, 40], x[1, 0], x[2, 89], x[3, 30], x[3, 60] = (float(v) for v in ("nan", "inf", "nan", "-inf", "inf"))
    cases = {}
    for op in ("max", "min"):
        for form in FORMS:
            cases[f"{op} {form}"] = extreme(op, 1, x, reverse, choices=form, chunk=32, parts=4)
        cases[f"{op} columns"] = extreme(op, 0, x.t().contiguous(), reverse, chunk=16)
        cases[f"{op} integers"] = extreme(op, 1, torch.arange(90).reshape(2, 45) * 37 % 41, reverse, chunk=16)
    check(tmp_path, cases)


def test_infinities_and_nan_go_on(tmp_path):
    x = data(4, 100)
    x[0, 5], x[1, 50], x[2, 20], x[2, 60] = float("inf"), float("nan"), float("inf"), float("-inf")
    forms = {str(form): case(lambda x: torch.cumsum(x, 1), x, choices=form, chunk=16, parts=4) for form in FORMS}
    check(tmp_path, forms | {"exclusive": case(exclusive, x, choices=ONE_PASS, chunk=16)}, 4e-6)


def test_a_product_that_overflows_in_parts_only_is_exact(tmp_path):
    x = torch.tensor([[1e30, 1e-25, 1e-25, 1e25] * 10, [1e-30, 1e-30, 1e30, 1e30] * 10])
    check(tmp_path, {str(f): case(lambda x: torch.cumprod(x, 1), x, choices=f, chunk=16) for f in (ONE_PASS, SPLIT)})


# The interpreter cuts bfloat16 off where a GPU rounds.
TOLERANCES = {torch.float16: 1e-3, torch.bfloat16: 1.6e-2, torch.float64: 1e-14}


def test_other_float_types(tmp_path):
    every = [(dtype, form) for dtype in TOLERANCES for form in (ONE_PASS, SPLIT)]
    cases = [case(exclusive, data(3, 70).to(dtype), choices=form, chunk=32, parts=4) for dtype, form in every]
    for (dtype, form), each, results in zip(every, cases, run(tmp_path, cases), strict=True):
        (result,) = results.values()
        assert result.dtype is dtype
        assert_near(result, exclusive(each.inputs[0].double()), TOLERANCES[dtype], f"{dtype} {form}")


def test_equal_inputs_give_equal_results(tmp_path):
    for form in (SPLIT, LOOK_BACK):
        one = case(lambda x: torch.cumsum(x, 1), data(2, 200), choices=form, chunk=16, parts=8)
        first, second = run(tmp_path, [one, one])
        (output,) = one.graph.outputs
        assert torch.equal(first[output], second[output])


@st.composite
def walks(draw):
    """A shape, an axis, a direction, a form and a schedule."""
    shape = draw(st.lists(st.integers(1, 11), min_size=1, max_size=3))
    axis = draw(st.integers(0, len(shape) - 1))
    shape[axis] += 1
    schedule = {"chunk": draw(st.sampled_from((4, 8, 16))), "rows_per_program": draw(st.sampled_from((4, 16)))}
    return tuple(shape), axis, draw(st.booleans()), draw(st.sampled_from((ONE_PASS, SPLIT))), schedule


@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walked=st.lists(walks(), min_size=6, max_size=6))
def test_any_shape_axis_and_form(tmp_path_factory, walked):
    cases = {}
    for number, (shape, axis, reverse, form, schedule) in enumerate(walked):

        def function(x, axis=axis, reverse=reverse):
            y = x * 0.5 + 1
            total = y.flip(axis).cumsum(axis).flip(axis) if reverse else y.cumsum(axis)
            return total - x, total.relu()

        told = f"{number} {shape} {axis} {reverse} {form}"
        cases[told] = case(function, data(*shape), choices=form, col_block=16, parts=4, **schedule)
    check(tmp_path_factory.mktemp("any"), cases, 4e-6)


def test_few_long_rows_are_split_first():
    assert structures(lambda x: torch.cumsum(x, 1), torch.empty(1).expand(4, 1 << 22)) == [LOOK_BACK, SPLIT, ONE_PASS]
    assert structures(lambda x: torch.cumsum(x, 1), torch.empty(1).expand(1 << 14, 4096)) == [ONE_PASS]
    assert structures(lambda x: torch.cumsum(x, 0), torch.empty(1).expand(1 << 20, 64)) == [SPLIT, ONE_PASS]


def mixed(x):
    return torch.cumsum(x, 1) + torch.cumsum(x, 0)


def mirrored(x):
    total = torch.cumsum(x, 1)
    return total + total.flip(1)


def two_ago(x):
    return F.pad(torch.cumsum(x, 1), (2, 0))[:, :-2] + x


def alone(x):
    return torch.cumsum(x[:, :1], 1) * 2


@pytest.mark.parametrize("function", [mixed, mirrored, two_ago, lambda x: torch.atan(torch.cumsum(x, 1)), alone])
def test_what_is_no_scan_of_this_kind_is_refused(function):
    assert not SCAN.supports(*whole(function, (data(6, 6),)))


def test_values_of_running_extremes_are_scans_and_indices_stay_with_torch():
    graph, nodes, outputs = whole(lambda x: torch.cummax(x, 1).values * 2, (data(6, 8),))
    assert SCAN.supports(graph, nodes, outputs)
    x = data(6, 8).round()
    graph, _, _ = whole(lambda x: tuple(torch.cummin(x, 1)), (x,))
    for found, expected in zip(interpret(graph, [x], {}), torch.cummin(x, 1), strict=True):
        assert torch.equal(found, expected)
