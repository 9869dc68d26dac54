"""Convolutions in scaled pieces of 16 bits: in Triton's interpreter they do the arithmetic that a GPU does, but for the
order of sums."""

import pytest

pytest.importorskip("triton")

import torch
from convolutions import CONV, case, check, convolve, spread, structures, tensor

from egg_search.core.hardware import Hardware
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Terms

HOPPER = Hardware("cuda", "any", 132, 16, 256 << 10, 50 << 20, 0, 1 << 36, 227 << 10, 65536, capability=90)
SMALL = {"block_m": 16, "block_n": 16, "block_k": 16, "split_k": 2}
TF32 = 1e-3  # of the largest result
LAYERS = {
    "padded": ((2, 20, 9, 7), (24, 20, 3, 3), {"padding": 1}),
    "strided": ((3, 16, 9, 9), (18, 16, 3, 3), {"stride": 2, "padding": 1}),
    "grouped": ((2, 32, 6, 5), (24, 16, 3, 3), {"groups": 2}),
    "signal": ((1, 20, 40), (16, 20, 5), {"dilation": 2, "padding": 4}),
    "volume": ((2, 16, 4, 5, 3), (8, 16, 2, 2, 2), {}),
    "few positions": ((5, 24, 3, 3), (40, 24, 2, 2), {}),
    "transposed": ((2, 16, 5, 4), (16, 24, 4, 4), {"turned": True, "stride": 2, "padding": 1}),
}


def choices(layout, product="tiled"):
    return {"convolution": "implicit", "product": product, "depth": "tap by tap", "layout": layout}


def layer(x, w, turned=False, **settings):
    t = Terms()
    f32 = [tensor(DType.F32, *shape) for shape in (x, w)]
    y = (spread if turned else convolve)(t.input(0, f32[0]), t.input(1, f32[1]), **settings)
    y = y + t.input(2, tensor(DType.F32, y.shape[1], *[1] * (y.rank - 2)))
    return t.builder.finish([(y * y.map("sigmoid")).id])


def drawn(graph):
    leaves = sorted((n for n in graph.nodes if n.op == "input"), key=lambda n: n.attrs["position"])
    return [torch.randn(n.shape) for n in leaves]


OFTEN = ("padded", "grouped", "transposed")  # the others are for `make chaos`


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in OFTEN else pytest.mark.chaos) for n in LAYERS])
def test_two_pieces_are_as_exact_as_float32_and_one_as_tf32(tmp_path, name):
    x, w, settings = LAYERS[name]
    graph = layer(x, w, **settings)
    forms = ["tiled"] if settings.get("turned") else ["tiled", "split"]
    inputs = drawn(graph)
    check(tmp_path, [case(graph, inputs, choices("in pieces", form), **SMALL) for form in forms])
    check(tmp_path, [case(graph, inputs, choices("in one piece", form), **SMALL) for form in forms], tolerance=TF32)


def test_images_and_rows_of_weights_are_scaled_by_themselves(tmp_path):
    x, w, settings = LAYERS["padded"]
    graph = layer(x, w, **settings)
    image, weights, shift = drawn(graph)
    image, shift = image * torch.tensor([2.0**-60, 2.0**60])[:, None, None, None], shift * 0
    weights = weights * torch.tensor([2.0**-50, 2.0**30, 1.0]).repeat(8)[:, None, None, None]
    t = Terms()
    y = convolve(t.input(0, tensor(DType.F32, *x)), t.input(1, tensor(DType.F32, *w)), **settings)
    scales = tensor(DType.F32, 2, 24, 1, 1)
    graph = t.builder.finish([(y * t.input(2, scales)).id])
    largest = torch.nn.functional.conv2d(image.abs(), weights.abs(), **settings).amax((2, 3), keepdim=True)
    inputs = [image, weights, 1 / largest]
    check(tmp_path, [case(graph, inputs, choices("in pieces"), **SMALL)])
    check(tmp_path, [case(graph, inputs, choices("in one piece"), **SMALL)], tolerance=TF32)


def test_infinities_and_nan_arrive_where_they_belong(tmp_path):
    x, w, settings = LAYERS["padded"]
    graph = layer(x, w, **settings)
    inputs = drawn(graph)
    inputs[0][1, 3, 0, 3], inputs[1][3, 0, 2, 2] = torch.inf, torch.nan
    check(tmp_path, [case(graph, inputs, choices("in pieces"), **SMALL)])
    check(tmp_path, [case(graph, inputs, choices("in one piece"), **SMALL)], tolerance=TF32)


def test_large_convolutions_start_in_pieces():
    graph = layer((16, 128, 56, 56), (256, 128, 3, 3), padding=1)
    offered = structures(graph)
    layouts = [each["layout"] for each in offered]
    assert layouts == ["in pieces", "in one piece", "channels last", "weights by depth", "as given"]
    plan = case(graph, choices=offered[1], hardware=HOPPER).plan
    decisions = CONV.schedule(graph, plan, HOPPER)
    assert "promote" not in decisions and decisions["input_precision"].choices == ()
    assert CONV.facts(graph, plan, HOPPER)["element_bytes"] == 2


def test_few_channels_and_half_types_have_no_pieces():
    for graph in (layer((16, 3, 64, 64), (64, 3, 7, 7)), layer((16, 16, 64, 64), (8, 16, 1, 1))):
        assert all(each.get("layout") not in ("in pieces", "in one piece") for each in structures(graph))
