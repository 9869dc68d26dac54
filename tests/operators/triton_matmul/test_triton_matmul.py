"""Triton products in the interpreter: every structure on random graphs, and what random graphs rarely meet.

The interpreter multiplies in float32, whatever precision is asked for, and gets bfloat16 wrong: both are for a GPU.
"""

import pytest

pytest.importorskip("triton")

import torch
from products import MATMUL, Grammar, case, check, f32, nodes_of, structures, tensor

from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Terms
from operators.authors.expert.triton.nest.schedule import NOMINAL

SMALL = {"block_m": 16, "block_n": 32, "block_k": 16, "split_k": 2, "cores": 2}
LAYOUTS = ("as given", "a by depth", "b by depth", "both by depth", "in pieces")


def random_case(seed):
    grammar = Grammar(seed)
    graph, inputs = grammar.graph()
    pick = grammar.random.choice
    choices = {"product": pick(["tiled", "persistent", "split"]), "layout": pick(LAYOUTS)}
    if "zeros" in structures(graph)[0] and choices["product"] != "split":
        choices["zeros"] = "skipped"
    elif min(graph[graph.results[-1]].shape[-2:], default=0) >= 16 and pick([True, False]):
        choices["product"] = "stream"
    values = {"block_m": pick([16, 32]), "block_n": pick([16, 32]), "block_k": pick([16, 32]), "split_k": pick([2, 4])}
    return case(graph, inputs, choices, cores=2, group_m=pick([1, 2, 8]), **values)


def test_any_product_in_any_structure(tmp_path):
    check(tmp_path, [random_case(seed) for seed in range(18)])


def linear(m, n, k, dtype=DType.F32):
    t = Terms()
    x, w, b = t.input(0, tensor(dtype, m, k)), t.input(1, tensor(dtype, n, k)), t.input(2, tensor(dtype, n))
    y = x.dot(w.permute((1, 0))) + b
    return t.builder.finish([(y * y.map("sigmoid")).id])


def test_half_types_round_as_torch_does(tmp_path):
    graph = linear(20, 40, 70, DType.F16)
    inputs = [torch.randn(20, 70).half(), torch.randn(40, 70).half(), torch.randn(40).half()]
    cases = [
        case(graph, inputs, {"product": p, "layout": x}, **SMALL) for p in ("tiled", "split") for x in LAYOUTS[:4:3]
    ]
    check(tmp_path, cases, tolerance=2e-3)


def test_long_sums_are_added_in_stretches(tmp_path):
    inputs = [torch.randn(16, 600), torch.randn(16, 600), torch.randn(16)]
    cases = [
        case(linear(16, 16, 600), inputs, {"product": p, "layout": layout}, block_m=16, block_n=16, promote=length)
        for p in ("tiled", "split")
        for layout in ("as given", "in pieces")
        for length in (0, 256)
    ]
    check(tmp_path, cases)


def test_zeros_beside_a_diagonal_are_skipped_only_where_nothing_is_infinite(tmp_path):
    cases = []
    for left, right, diagonal in (("ge", None, 19), ("le", "ge", 19), ("ge", "le", -23)):
        t, size = Terms(), 54
        x, y = t.input(0, f32(size, size)), t.input(1, f32(size, size))
        i, j = t.iota((size, size), 0), t.iota((size, size), 1)
        a = t.where((i + diagonal).map(left, j), x, 0.0)
        graph = t.builder.finish([a.dot(y * i.map(right, j).cast(DType.F32) if right else y).id])
        assert structures(graph)[0]["zeros"] == "skipped"
        plain = [torch.randn(size, size) for _ in range(2)]
        spoiled = [[x.clone() for x in plain] for _ in range(2)]
        spoiled[0][0][30, 30] = torch.inf
        spoiled[1][1][50, 10] = torch.nan
        cases += [case(graph, inputs, **SMALL) for inputs in (plain, *spoiled)]
    assert all("low" in each.code.source and "infinite" in each.code.source for each in cases)
    check(tmp_path, cases)


def test_infinities_and_nan_arrive_where_they_belong(tmp_path):
    cases = []
    for m, n, k in ((30, 50, 40), (1, 70, 300), (70, 1, 300), (1, 1, 17)):
        a, b = torch.randn(m, k), torch.randn(n, k)
        a[0, k - 1], b[n - 1, 0] = torch.inf, torch.nan
        for form in ("tiled", "split"):
            for layout in ("as given", "in pieces"):
                choices = {"product": form, "layout": layout}
                cases.append(case(linear(m, n, k), [a, b, torch.zeros(n)], choices, **SMALL))
    check(tmp_path, cases)


def test_rows_looked_up_are_a_factor(tmp_path):
    t = Terms()
    table, index, w = t.input(0, f32(50, 24)), t.input(1, tensor(DType.I64, 37)), t.input(2, f32(24, 20))
    graph = t.builder.finish([table.take(index, 0).dot(w).id])
    inputs = [torch.randn(50, 24), torch.randint(0, 50, (37,)), torch.randn(24, 20)]
    check(tmp_path, [case(graph, inputs, {"product": "tiled", "layout": x}, **SMALL) for x in LAYOUTS])


def test_batches_of_a_shared_right_factor_are_rows_of_one_product():
    t = Terms()
    graph = t.builder.finish([t.input(0, f32(3, 17, 40)).dot(t.input(1, f32(40, 50))).id])
    facts = MATMUL.facts(graph, case(graph).plan, NOMINAL)
    assert (facts["batch"], facts["m"], facts["n"], facts["k"]) == (1, 51, 50, 40)


def test_only_one_float_product_with_elementwise_work_is_supported():
    t = Terms()
    x, w = t.input(0, f32(8, 8)), t.input(1, f32(8, 8))
    once = x.dot(w)
    refused = {
        "two products": once.dot(w),
        "a reduction": once.reduce("sum", 1),
        "a reduction before": x.reduce("sum", 1, keep=True).broadcast((8, 8)).dot(w),
        "spread": once.broadcast((3, 8, 8)) + 1.0,
        "transposed with itself": once + once.permute((1, 0)),
        "float64": x.cast(DType.F64).dot(w.cast(DType.F64)),
        "no product": x + w,
        "no such function": once.map("atan2", w),
    }
    for why, term in refused.items():
        graph = t.builder.finish([term.id])
        assert not MATMUL.supports(graph, nodes_of(graph), graph.results), why


def test_few_tiles_of_long_depth_are_split_and_float32_is_read_by_depth():
    t = Terms()
    x, w = t.input(0, f32(64, 8192)), t.input(1, f32(64, 8192))
    assert structures(t.builder.finish([x.dot(w.permute((1, 0))).id]))[0]["product"] == "split"
    for dtype, layout in ((DType.F32, "b by depth"), (DType.BF16, "as given")):
        t = Terms()
        x, w = t.input(0, tensor(dtype, 1024, 512)), t.input(1, tensor(dtype, 512, 1024))
        assert structures(t.builder.finish([x.dot(w).id]))[0]["layout"] == layout
