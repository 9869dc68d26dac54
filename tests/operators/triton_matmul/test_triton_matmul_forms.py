"""Shared steps ("stream") and tiles by descriptors, in Triton's interpreter: every way to deal out the work, every
layout, depths and widths that do not divide, batches."""

from dataclasses import replace

import pytest

pytest.importorskip("triton")

import torch
from products import case, check, structures, tensor

from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Terms
from operators.authors.expert.triton.nest.schedule import NOMINAL

HOPPER = replace(NOMINAL, capability=90, shared_bytes=227 << 10)
SMALL = {"block_m": 16, "block_n": 32, "block_k": 16, "split_k": 2, "cores": 5}


def linear(m, n, k, dtype=DType.F32, by_depth=True, batch=()):
    """(graph, inputs): a batch of products, a bias, and something nonlinear."""
    t, rank = Terms(), len(batch)
    x = t.input(0, tensor(dtype, *batch, m, k))
    w = t.input(1, tensor(dtype, *batch, *((n, k) if by_depth else (k, n))))
    w = w.permute((*range(rank), rank + 1, rank)) if by_depth else w
    graph = t.builder.finish([(x.dot(w) + t.input(2, tensor(dtype, n))).map("sigmoid").id])
    made = [torch.randn(graph[i].shape) for i in range(len(graph.nodes)) if graph[i].op == "input"]
    return graph, [each.half() if dtype is DType.F16 else each for each in made]


def made(problem, form, layout, **values):
    return case(*problem, {"product": form, "layout": layout}, hardware=HOPPER, **{**SMALL, **values})


def test_descriptors_load_what_pointers_load(tmp_path):
    problem = linear(40, 48, 72)
    cases = [made(problem, form, "in pieces", descriptors=1) for form in ("tiled", "persistent", "split", "stream")]
    cases += [made(problem, "tiled", layout, descriptors=1) for layout in ("as given", "both by depth")]
    cases += [made(linear(24, 40, 40, batch=(2,)), "tiled", x, descriptors=1) for x in ("as given", "in pieces")]
    assert all("make_tensor_descriptor" in each.code.source for each in cases)
    check(tmp_path, cases)


def test_half_factors_lie_in_either_order(tmp_path):
    cases = [made(linear(40, 48, 72, DType.F16, way), "stream", "as given", descriptors=1) for way in (True, False)]
    assert all(each.code.source.count("make_tensor_descriptor") == 2 for each in cases)
    check(tmp_path, cases, tolerance=2e-3)


def test_any_number_of_programs_shares_all_steps(tmp_path):
    """One program does all; a hundred have one step of a tile each, or none."""
    cases = []
    for problem in (linear(37, 43, 70), linear(20, 36, 40, batch=(2,))):
        cases += [made(problem, "stream", "as given", cores=cores) for cores in (1, 3, 7, 100)]
        cases += [made(problem, "stream", "in pieces", cores=cores) for cores in (1, 7)]
    check(tmp_path, cases)


def test_what_a_descriptor_cannot_describe_is_loaded_by_pointers():
    for problem in (linear(72, 88, 70), linear(72, 88, 136, by_depth=False, batch=(3,))):
        source = made(problem, "tiled", "as given", descriptors=1).code.source
        assert source.count("make_tensor_descriptor") == (problem[0][0].shape[-1] % 4 == 0)
    assert "descriptors" not in case(*linear(72, 88, 136), {"product": "tiled", "layout": "in pieces"}).plan.schedule


def test_steps_are_shared_where_rounds_are_few():
    for size, offered in ((1500, True), (8192, False), (256, False)):
        forms = {each["product"] for each in structures(linear(size, size, 2048)[0])}
        assert ("stream" in forms) is offered, size
