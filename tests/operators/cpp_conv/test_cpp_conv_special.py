"""What random convolutions rarely meet: infinities, refusals, structures on offer, tap offsets by hand."""

import pytest
import torch
from contraction_kernels import check, whole_kernel
from test_cpp_conv import GENERATOR, conv

from operators.authors.expert.cpp.conv.geometry import geometry
from operators.authors.expert.ir.graph import DType, TensorType
from operators.authors.expert.ir.terms import Terms


def made(x, w, stride=1, padding=0, groups=1):
    t = Terms()
    left, right = (t.input(p, TensorType(DType.F32, shape)) for p, shape in enumerate((x, w)))
    rank = len(x) - 2
    y = conv(t, left, right, (stride,) * rank, (padding,) * rank, (1,) * rank, groups)
    return t, y


def offered(graph):
    nodes = tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))
    return [c["convolution"] for c in GENERATOR.structures(graph, nodes, graph.results)]


@pytest.mark.parametrize("choice", ["direct", "im2col"])
def test_infinities_and_nan_in_the_input_reach_their_windows_and_no_others(choice):
    t, y = made((2, 3, 9, 10), (5, 3, 3, 3), padding=1)
    graph = t.builder.finish([y.max(0.0).id])
    x = torch.randn(2, 3, 9, 10)
    x[0, 1, 0, 0], x[1, 2, 8, 9] = torch.inf, torch.nan
    kernel = whole_kernel(GENERATOR, graph, {"convolution": choice})
    check(graph, GENERATOR.emit(graph, kernel, "k0"), [x, torch.randn(5, 3, 3, 3)])


def test_structures_follow_the_kind_of_convolution():
    kinds = {
        ("direct", "im2col"): made((2, 4, 8, 8), (6, 4, 3, 3)),
        ("pointwise", "direct"): made((2, 4, 8, 8), (6, 4, 1, 1)),
        ("direct",): made((2, 4, 8, 8), (4, 1, 3, 3), groups=4),
    }
    for names, (t, y) in kinds.items():
        assert offered(t.builder.finish([y.id])) == list(names)


def test_a_stride_cuts_planes_into_the_phases_that_taps_use():
    t, y = made((1, 1, 9), (1, 1, 3), stride=2, padding=1)
    g = geometry(t.builder.finish([y.id]), y.terms.builder[y.id])
    # Taps 0 and 2 lie in phase 0, one position apart; tap 1 in phase 1, which follows.
    assert (g.out, g.phases, g.lines, g.taps) == ((5,), ((0, 1),), (6,), (0, 6, 1))
    t, y = made((1, 1, 8, 8), (1, 1, 1, 1), stride=4)
    g = geometry(t.builder.finish([y.id]), y.terms.builder[y.id])
    assert (g.plane, g.taps, g.columns) == (4, (0,), 4)


def test_only_one_convolution_with_elementwise_work_is_supported():
    t, y = made((1, 2, 6, 6), (2, 2, 3, 3), padding=1)
    w = t.input(1, TensorType(DType.F32, (2, 2, 3, 3)))
    wide = conv(t, y.cast(DType.F64), w.cast(DType.F64), (1, 1), (1, 1), (1, 1), 1)
    for term in (conv(t, y, w, (1, 1), (1, 1), (1, 1), 1), y.reduce("sum", 1), wide, y.slice(2, 0, 3) * 2.0):
        graph = t.builder.finish([term.id])
        nodes = tuple(n.id for n in graph.nodes if n.op not in ("input", "state"))
        assert not GENERATOR.supports(graph, nodes, graph.results)
