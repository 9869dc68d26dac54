"""Products of factors rounded to one scaled piece of float16: TF32's precision, by own tiles and by the library."""

import pytest

pytest.importorskip("triton")

import torch
from products import MATMUL, Grammar, case, check, f32, nodes_of, structures

from egg_search.core.hardware import Hardware
from operators.authors.expert.ir.terms import Terms

ONE = "in one piece"
SMALL = {"block_m": 16, "block_n": 32, "block_k": 16, "split_k": 2, "cores": 2}
TF32 = 1e-3  # of the largest result
HOPPER = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90)


def linear(m, n, k, batch=()):
    t = Terms()
    x, w, b = t.input(0, f32(*batch, m, k)), t.input(1, f32(*batch, n, k)), t.input(2, f32(n))
    order = (*range(len(batch)), len(batch) + 1, len(batch))
    y = x.dot(w.permute(order)) + b
    inputs = [torch.randn(*batch, m, k), torch.randn(*batch, n, k), torch.randn(n)]
    return t.builder.finish([(y * y.map("sigmoid")).id]), inputs


@pytest.mark.parametrize("form", ["tiled", "persistent", "split", "library"])
def test_every_form_has_the_precision_of_tf32(tmp_path, form):
    problems = [linear(40, 72, 136), linear(17, 33, 70), linear(24, 40, 40, batch=(3,))]
    check(tmp_path, [case(*each, {"product": form, "layout": ONE}, **SMALL) for each in problems], tolerance=TF32)


def test_the_library_multiplies_any_product_that_random_graphs_have(tmp_path):
    cases = []
    for seed in range(40):
        graph, inputs = Grammar(seed).graph()
        offered = [each for each in structures(graph) if each["product"] == "library"]
        cases += [case(graph, inputs, each) for each in offered]
    graph, inputs = linear(70, 90, 140)
    cases.append(case(graph, inputs, {"product": "library", "layout": ONE}))
    check(tmp_path, cases, tolerance=TF32)


def test_rows_near_both_ends_of_the_range_keep_their_bits(tmp_path):
    graph, (x, w, b) = linear(48, 48, 128)
    inputs = [x * torch.tensor([2.0**-110, 1.0, 2.0**90]).repeat(16)[:, None], w * 2.0**-20, b * 0]
    for form in ("tiled", "library"):
        check(tmp_path, [case(graph, inputs, {"product": form, "layout": ONE}, **SMALL)], tolerance=TF32)


def test_infinities_arrive_where_they_belong(tmp_path):
    graph, (x, w, b) = linear(40, 72, 136)
    x[0, 5], w[3, 7] = torch.inf, torch.nan
    cases = [case(graph, [x, w, b], {"product": form, "layout": ONE}, **SMALL) for form in ("tiled", "library")]
    check(tmp_path, cases, tolerance=TF32)


def test_nothing_of_one_piece_is_left_to_tune_where_the_library_multiplies():
    graph, _ = linear(512, 512, 1024)
    offered = [each for each in structures(graph) if each["layout"] == ONE]
    assert offered[0]["product"] == "library"
    plan = case(graph, choices=offered[0]).plan
    assert [name for name, d in MATMUL.schedule(graph, plan, HOPPER).items() if d.choices] == []
    facts = MATMUL.facts(graph, plan, HOPPER)
    assert facts["element_bytes"] == 2 and nodes_of(graph)


def test_large_tiles_and_the_copy_engine_are_the_start():
    graph, _ = linear(4096, 4096, 4096)
    plan = case(graph, choices={"product": "tiled", "layout": ONE}, hardware=HOPPER).plan
    values = {name: d.value for name, d in MATMUL.schedule(graph, plan, HOPPER).items()}
    assert (values["block_m"], values["block_n"], values["descriptors"]) == (128, 256, 1)
    assert "promote" not in values
