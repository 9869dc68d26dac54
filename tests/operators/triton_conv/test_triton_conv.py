"""Triton convolutions in the interpreter: every structure on random graphs, and what random graphs rarely meet.

The interpreter multiplies in float32, whatever precision is asked for, and gets bfloat16 wrong: both are for a GPU.
"""

import pytest

pytest.importorskip("triton")

import torch
from convolutions import CONV, Grammar, case, check, convolve, nodes_of, spread, structures, tensor

from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Terms, torch_dtype
from operators.authors.expert.triton.nest.schedule import NOMINAL


def random_case(seed):
    grammar = Grammar(seed)
    graph, inputs = grammar.graph()
    pick = grammar.random.choice
    values = {"block_m": pick([16, 32]), "block_n": pick([16, 32]), "block_k": pick([16, 32])}
    values |= {
        "group_m": pick([1, 2, 8]),
        "promote": pick([0, 32]),
        "block": pick([16, 64]),
        "planes": pick([1, 4]),
        "split_k": pick([2, 4]),
    }
    choices = pick(structures(graph))
    if choices["convolution"] == "implicit" and CONV.facts(graph, case(graph).plan, NOMINAL)["phases"] == 1:
        choices["product"] = pick(["tiled", "split"])
    return case(graph, inputs, choices, **values)


@pytest.mark.parametrize("start", [0, pytest.param(20, marks=pytest.mark.chaos)])
def test_any_convolution_in_any_structure(tmp_path, start):
    check(tmp_path, [random_case(seed) for seed in range(start, start + 20)])


LAYOUTS = [dict(convolution="implicit", product="tiled", depth="tap by tap", layout=x) for x in
           ("as given", "weights by depth", "channels last")]  # fmt: skip
DIRECT = [{"convolution": "direct", "sums": sums} for sums in ("of one row", "of several rows")]
SMALL = {"block_m": 16, "block_n": 16, "block_k": 16, "split_k": 2}


def layer(x, w, dtype=DType.F32, turned=False, **settings):
    t = Terms()
    y = (spread if turned else convolve)(t.input(0, tensor(dtype, *x)), t.input(1, tensor(dtype, *w)), **settings)
    y = y + t.input(2, tensor(dtype, y.shape[1], *[1] * (y.rank - 2)))
    return t.builder.finish([(y * y.map("sigmoid")).id])


def drawn(graph):
    leaves = sorted((n for n in graph.nodes if n.op == "input"), key=lambda n: n.attrs["position"])
    return [torch.randn(n.shape).to(torch_dtype(n.dtype)) for n in leaves]


def test_half_types_round_as_torch_does(tmp_path):
    given = [
        (layer((2, 20, 9, 7), (24, 20, 3, 3), DType.F16, padding=1), LAYOUTS),
        (layer((2, 6, 9, 7), (6, 1, 3, 3), DType.F16, groups=6), DIRECT),
        (layer((1, 16, 7), (16, 8, 4), DType.F16, turned=True, stride=2), LAYOUTS[::2]),
    ]
    check(tmp_path, [case(g, drawn(g), c, **SMALL) for g, choices in given for c in choices], tolerance=2e-3)


def test_infinities_and_nan_arrive_where_they_belong(tmp_path):
    """Weights of a transposed convolution are finite here: what is padding to a gather has no counterpart in torch."""
    cases = []
    ordinary, turned = (
        layer((2, 20, 6, 7), (18, 20, 3, 3), padding=1),
        layer((2, 20, 5, 4), (20, 9, 3, 3), turned=True, stride=2),
    )
    depthwise = layer((2, 4, 6, 7), (4, 1, 3, 3), padding=1, groups=4)
    for graph, structures_of in ((ordinary, LAYOUTS), (turned, LAYOUTS), (depthwise, DIRECT)):
        inputs = drawn(graph)
        inputs[0][1, 3, 0, 3] = torch.inf
        if graph is not turned:
            inputs[1][3, 0, 2, 2] = torch.nan
        cases += [case(graph, inputs, choices, **SMALL, block=16, planes=2) for choices in structures_of]
    check(tmp_path, cases)


ROWS = {
    "divided": ((2, 4, 8, 7), (4, 1, 3, 3), dict(padding=1, groups=4)),
    "the last twice": ((2, 4, 7, 9), (4, 1, 3, 3), dict(padding=1, groups=4)),
    "strided": ((1, 6, 13, 12), (6, 1, 3, 3), dict(stride=2, padding=1, groups=6)),
    "strided by 2 and 1": ((1, 3, 11, 8), (6, 1, 4, 2), dict(stride=(2, 1), padding=(2, 0), groups=3)),
    "dilated": ((2, 3, 12, 9), (3, 1, 3, 2), dict(padding=2, dilation=2, groups=3)),
    "several channels": ((2, 6, 9, 6), (4, 3, 2, 2), dict(groups=2)),
    "volume": ((1, 4, 3, 9, 5), (4, 1, 2, 3, 3), dict(padding=1, groups=4)),
    "one column": ((2, 4, 9, 1), (4, 1, 3, 1), dict(padding=(1, 0), groups=4)),
    "one plane": ((1, 1, 9, 8), (1, 1, 3, 3), dict(padding=1)),
    "one block": ((3, 4, 4, 1), (4, 1, 3, 1), dict(padding=(1, 0), groups=4)),
    "fewer rows": ((2, 4, 3, 5), (4, 1, 3, 3), dict(padding=1, groups=4)),
    "turned": ((2, 4, 9, 6), (4, 1, 3, 3), dict(padding=1, groups=4, turned=True)),
}


def test_rows_in_registers(tmp_path):
    cases = []
    for name, (x, w, settings) in ROWS.items():
        graph = layer(x, w, **settings)
        assert DIRECT[1] in structures(graph), name
        cases.append(case(graph, drawn(graph), DIRECT[1], block=16, planes=2))
    check(tmp_path, cases)


def test_rows_that_share_nothing_are_no_structure():
    apart = [
        layer((2, 4, 40), (4, 1, 3), groups=4),
        layer((2, 4, 9, 9), (4, 1, 1, 3), groups=4),
        layer((2, 4, 12, 9), (4, 1, 2, 3), stride=(2, 1), groups=4),
        layer((1, 2, 40, 40), (2, 1, 9, 9), groups=2),
    ]
    assert all(DIRECT[1] not in structures(graph) for graph in apart)


def test_zeros_surround_what_a_prologue_makes(tmp_path):
    t = Terms()
    x, w = t.input(0, tensor(DType.F32, 2, 16, 6)), t.input(1, tensor(DType.F32, 16, 16, 3))
    spread_out = t.input(2, tensor(DType.F32, 2, 16, 1)).broadcast((2, 16, 6))
    cases = []
    for before in (x.map("exp"), spread_out):
        graph = t.builder.finish([convolve(before, w, padding=2).id])
        inputs = [torch.randn(2, 16, 6), torch.randn(16, 16, 3), torch.randn(2, 16, 1)]
        cases += [case(graph, inputs, choices, **SMALL) for choices in LAYOUTS]
    check(tmp_path, cases)


def test_a_transposed_convolution_multiplies_no_zeros_between_inputs():
    graph = layer((2, 16, 8, 8), (16, 32, 4, 4), turned=True, stride=2)
    facts = CONV.facts(graph, case(graph).plan, NOMINAL)
    assert facts["flops"] == 2 * (2 * 16 * 8 * 8) * (32 * 4 * 4) * 81 / 64  # beside the border
    assert (facts["phases"], facts["k"]) == (4, 16 * 2 * 2)


def test_only_one_float_convolution_with_elementwise_work_is_supported():
    t = Terms()
    x, w = t.input(0, tensor(DType.F32, 2, 8, 9)), t.input(1, tensor(DType.F32, 8, 8, 3))
    once = convolve(x, w)
    refused = {
        "two convolutions": convolve(once, w),
        "a reduction": once.reduce("sum", 1),
        "spread": once.broadcast((3, 2, 8, 7)) + 1.0,
        "float64": convolve(x.cast(DType.F64), w.cast(DType.F64)),
        "no convolution": x + 1.0,
        "no such function": once.map("atan2", once),
        "no tap meets an output": spread(x.slice(2, 0, 1), w.slice(2, 0, 1), stride=3, padding=1, extra=2),
    }
    for why, term in refused.items():
        graph = t.builder.finish([term.id])
        assert not CONV.supports(graph, nodes_of(graph), graph.results), why
