"""Rows that are streamed, split and joined in other passes, emulated: against float64 and torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from emulated import NEST, assert_near, case, check, run, structures, whole


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def normalised(x):
    return (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-5).sqrt()


def several(x):
    return x.argmax(1), x.amax(1), x.sum(1), (x > 2).any(1)


FORMS = [
    {"row": row, **joint}
    for row in ("memory", "split")
    for joint in ({"softmax": "online", "moments": "one pass"}, {"softmax": "separate", "moments": "two passes"})
]
CASES = {
    "softmax": (lambda x: torch.softmax(x * 3, -1), data(3, 300)),
    "columns": (lambda x: torch.softmax(x * 3, 0), data(300, 5)),
    "one row": (lambda x: torch.logsumexp(x, -1), data(1, 300)),
    "norm": (normalised, data(3, 301)),
    "several": (several, data(3, 301)),
    "rows and elements": (lambda x: (x.sum(1), x - x.amax(1, keepdim=True)), data(3, 301)),
    "whole": (lambda x: x / x.norm(), data(20, 31)),
}


def test_forms_agree_with_float64(tmp_path):
    cases = {
        f"{name} {form}": case(*each, choices=form, unroll=2, parts=4) for name, each in CASES.items() for form in FORMS
    }
    check(tmp_path, cases)


CLUSTER = {"row": "cluster"}
INSIDE = [name for name in CASES if name != "columns"]


def test_clusters_agree_with_float64(tmp_path):
    """Of any number of blocks, with threads that have no element and blocks that have none."""
    schedules = [{"cluster": 2, "threads": 64}, {"cluster": 8, "threads": 128}]
    cases = {f"{n} {s}": case(*CASES[n], choices=CLUSTER, **s) for n in INSIDE for s in schedules}
    check(tmp_path, cases)


def test_clusters_are_for_rows_that_one_block_cannot_hold_and_that_are_read_again():
    shapes = {(16, 1 << 15): False, (16, (1 << 15) + 1): True, (16, 1 << 18): True, (16, (1 << 18) + 1): False}
    shapes[4, 1 << 18] = False  # of so few rows a cluster each would leave most multiprocessors idle
    for shape, held in shapes.items():
        assert (structures(CASES["softmax"][0], torch.empty(1).expand(shape))[0] == CLUSTER) is held, shape
    x, columns = torch.empty(1).expand(16, 100_000), torch.empty(1).expand(100_000, 400)
    for function, once in ((lambda x: x.sum(1), x), (lambda x: torch.softmax(x, 0), columns)):
        assert CLUSTER not in structures(function, once)


def unusual_rows():
    inf, nan = float("inf"), float("nan")
    x = data(10, 90)
    x[0], x[1, 3], x[2, 89], x[3, 0] = -inf, inf, nan, nan
    x[4, ::2], x[5, 1:], x[6] = -inf, -inf, inf
    x[7, 5], x[7, 80], x[8] = inf, -inf, 3e38
    x[9] = torch.linspace(-200, 200, 90)
    return x


ODD = {
    "softmax": lambda x: torch.softmax(x, 1),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "extremes": lambda x: (x.amax(1), x.argmax(1), x.argmin(1)),
    "moments": lambda x: (x[:8].mean(1), x[:8].var(1)),
    "functions": lambda x: (x.sigmoid(), x.tanh(), x.log1p(), x.expm1(), torch.relu(x), x.clamp(-1, 1), x.sign()),
}


def test_infinities_and_nan_come_out_where_torch_has_them(tmp_path):
    x = unusual_rows()
    cases = {}
    for name, function in ODD.items():
        for form in ({"row": "registers"}, CLUSTER, FORMS[0], FORMS[3]) if name != "functions" else ({},):
            cases[f"{name} {form}"] = case(function, x, choices=form, threads=64, parts=4)
    for name, each, results in zip(cases, cases.values(), run(tmp_path, list(cases.values())), strict=True):
        expected = each.function(x)
        for output, truth in zip(
            each.graph.outputs, expected if isinstance(expected, tuple) else (expected,), strict=True
        ):
            torch.testing.assert_close(
                results[output], truth, equal_nan=True, rtol=5e-6, atol=1e-37, msg=lambda m, n=name: f"{n}: {m}"
            )


AWKWARD = {
    "offset": data(3, 503) + 1e3,
    "constant": torch.full((3, 503), 1e3 / 7),
    "heavy tails": data(3, 503) / (data(3, 503, seed=1).abs() + 1e-5),
    "outlier first": torch.cat([torch.full((3, 1), 1e6), data(3, 502)], 1),
}


def test_awkward_rows_are_as_exact_as_torch(tmp_path):
    forms = ({"row": "registers"}, CLUSTER, *FORMS[:2])
    pairs = [(name, form) for name in AWKWARD for form in forms]
    cases = [case(normalised, AWKWARD[name], choices=form, parts=4) for name, form in pairs]
    for (name, form), results in zip(pairs, run(tmp_path, cases), strict=True):
        x, (result,) = AWKWARD[name], results.values()
        truth = normalised(x.double())
        error, eager = ((r.double() - truth).abs().max().item() for r in (result, normalised(x)))
        assert error <= 3 * eager + 1e-6 * truth.abs().max().item(), (name, form)


def functions(x):
    y = x.abs() + 1
    first = (x.exp(), x.sin(), x.cos(), x.tan(), x.sinh(), x.cosh(), x.asinh(), y.acosh(), (x * 0.2).atanh(), x.erf())
    second = (x.erfc(), y.log(), y.log2(), x.exp2(), y.rsqrt(), y.reciprocal(), y**x, x**3, y**-0.5, x**3.5)
    third = (torch.fmod(x, 0.7), torch.remainder(x, -0.7), torch.floor_divide(x, 0.3), x.round(), x.trunc(), x.ceil())
    return (*first, *second, *third)


def test_functions_are_exact(tmp_path):
    check(tmp_path, {"functions": case(functions, data(30, 40) * 2)})


TOLERANCES = {torch.float16: 1e-3, torch.bfloat16: 8e-3, torch.float64: 1e-14}


def test_other_float_types(tmp_path):
    def function(x):
        return torch.softmax(x, -1) + F.silu(x)

    every = [(dtype, form) for dtype in TOLERANCES for form in structures(function, data(5, 70).to(dtype))]
    cases = [case(function, data(5, 70).to(dtype), choices=form) for dtype, form in every]
    for (dtype, form), each, results in zip(every, cases, run(tmp_path, cases), strict=True):
        (result,) = results.values()
        assert result.dtype is dtype
        assert_near(result, function(each.inputs[0].double()), TOLERANCES[dtype], f"{dtype} {form}")


def test_equal_inputs_give_equal_sums(tmp_path):
    one = case(lambda x: x.sum(), data(70, 71), choices={"row": "split"}, parts=8)
    first, second = run(tmp_path, [one, one])
    (output,) = one.graph.outputs
    assert torch.equal(first[output], second[output])
    assert_near(first[output], data(70, 71).double().sum(), 2e-6)


def test_what_torch_must_do_is_refused():
    assert not NEST.supports(*whole(lambda x: (x.sum(0), x.sum(1)), (data(6, 8),)))
