"""Triton attention in the interpreter, against float64.

The interpreter multiplies in float32, whatever precision is asked for, and gets bfloat16 wrong: both are for a GPU.
"""

from __future__ import annotations

import math
import re

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("triton")

from attentions import (
    ALL,
    ATTENTION,
    PIECE,
    PIECES,
    SPLIT,
    SPLIT_PIECES,
    TOGETHER,
    case,
    check,
    data,
    heads,
    structures,
    supported,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interpreted import whole

from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.nest.schedule import NOMINAL

SMALL = {"block_m": 16, "block_n": 16, "parts": 4}
sdpa = F.scaled_dot_product_attention


def by_hand(q, k, v):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    mask = torch.ones(q.shape[-2], k.shape[-2]).tril()
    return scores.masked_fill(mask == 0, float("-inf")).softmax(-1) @ v


def biased_causal(q, k, v):
    """A causal mask and a bias in one constant."""
    i, j = torch.arange(q.shape[-2])[:, None], torch.arange(k.shape[-2])
    bias = torch.where(j <= i, (j - i) * 0.1, float("-inf"))
    return (q @ k.mT * 0.2 + bias).softmax(-1) @ v


def grouped(q, k, v):
    k, v = (x[:, :1].repeat_interleave(q.shape[1], 1) for x in (k, v))
    return sdpa(q, k, v, is_causal=True)


def fused_heads(x):
    batch, length, width = x.shape
    q, k, v = x.view(batch, length, 3, 3, width // 9).permute(2, 0, 3, 1, 4)
    return sdpa(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, width // 3) * 2


def rotated(x, angle):
    first, second = x.chunk(2, -1)
    return x * angle.cos() + torch.cat((-second, first), -1) * angle.sin()


def windowed(q, k, v):
    away = torch.arange(q.shape[-2])[:, None] - torch.arange(k.shape[-2])
    return (q @ k.mT).masked_fill((away < 0) | (away > 7), float("-inf")).softmax(-1) @ v


CASES = {
    "plain": (sdpa, heads()),
    "causal": (lambda q, k, v: sdpa(q, k, v, is_causal=True), heads()),
    "by hand": (by_hand, heads()),
    "whole blocks": (by_hand, heads(48, d=16)),
    "more keys": (by_hand, heads(20, 50)),
    "fewer keys": (by_hand, heads(50, 20)),
    "later queries": (lambda q, k, v: by_hand(q[:, :, 20:], k, v), heads(50)),
    "biased causal": (biased_causal, heads()),
    "window": (windowed, heads()),
    "soft cap": (lambda q, k, v: torch.softmax(torch.tanh(q @ k.mT / 5) * 5, -1) @ v, heads()),
    "soft cap after the mask": (
        lambda q, k, v: torch.tanh((q @ k.mT).masked_fill(torch.ones(20, 20).triu(1) > 0, -torch.inf)).softmax(-1) @ v,
        heads(20),
    ),
    "scale": (lambda q, k, v: sdpa(q, k, v, scale=0.3), heads()),
    "negative scale": (lambda q, k, v: sdpa(q, k, v, scale=-0.3), heads()),
    "low scores are hidden": (
        lambda q, k, v: ((s := q @ k.mT * 0.3).masked_fill(s < -0.5, -torch.inf)).softmax(-1) @ v,
        heads(),
    ),
    "boolean mask": (lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), [*heads(), data(2, 1, 21, 21) > -1]),
    "additive mask": (lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), [*heads(), data(1, 2, 21, 21)]),
    "key padding": (lambda q, k, v, m: sdpa(q, k, v, attn_mask=m[:, None, None]), [*heads(), data(2, 21) > -1]),
    "groups": (grouped, heads()),
    "fused heads": (fused_heads, [data(2, 19, 72)]),
    "flat heads": (lambda q, k, v: torch.bmm(torch.bmm(q, k.mT).softmax(-1), v), heads(batch=(3,))),
    "rotated queries": (lambda q, k, v, a: sdpa(rotated(q, a), k, v), [*heads(40, 20), data(40, 24)]),
    "rotated all": (lambda q, k, v, a: sdpa(rotated(q, a), rotated(k, a), v * 2), [*heads(), data(21, 24)]),
    "gate after": (lambda q, k, v: torch.sigmoid(sdpa(q, k, v)) * q + 1, heads()),
    "two results": (lambda q, k, v: (y := sdpa(q, k, v), F.relu(y).transpose(1, 2)), heads()),
    "wide values": (sdpa, heads(19, 33, 8, 40)),
    "narrow": (sdpa, heads(19, 33, 1, 1)),
    "one query": (sdpa, heads(1, 70, 16)),
    "one query, narrow": (lambda q, k, v: sdpa(q, k, v) + 1, heads(1, 70, 16, 1)),
    "no batch": (sdpa, heads(19, batch=())),
    "wide heads": (sdpa, heads(5, 18, 200, 130, batch=(1, 1))),
    # Beyond the last query it is huge.
    "divided queries": (
        lambda q, k, v, a, t: sdpa((a / (t * t + 1e-12)).expand(q.shape), k, v),
        [*heads(), data(24), data(21, 1).abs() + 1],
    ),
}  # fmt: skip


NAMES = list(CASES)
RARE = pytest.param(SPLIT, NAMES[::2], marks=pytest.mark.chaos)  # the interpreter is slow


@pytest.mark.parametrize(
    ("choices", "names"),
    [(TOGETHER, NAMES), (SPLIT, NAMES[1::2]), (PIECES, NAMES[::2]), (SPLIT_PIECES, NAMES[3::4]), RARE],
    ids=["together", "split", "in pieces", "split, in pieces", "split, the rest"],
)
def test_agrees_with_float64(tmp_path, choices, names):
    check(tmp_path, {name: case(CASES[name][0], *CASES[name][1], choices=choices, **SMALL) for name in names})


def test_one_piece_is_as_exact_as_tf32(tmp_path):
    names = ["causal", "more keys", "groups", "fused heads", "boolean mask", "gate after"]
    cases = {name: case(CASES[name][0], *CASES[name][1], choices=PIECE, **SMALL) for name in names}
    cases["split"] = case(CASES["causal"][0], *CASES["causal"][1], choices={**PIECE, "keys": "split"}, **SMALL)
    check(tmp_path, cases, tolerance=1e-3)
    with pytest.raises(AssertionError):
        check(tmp_path, cases)


def test_every_schedule_gives_the_same_values(tmp_path):
    cases, inputs = {}, heads(40, batch=(1, 2))
    for order in ("forward", "backward", "longest"):
        for m, n in ((16, 64), (64, 16), (32, 32)):
            for choices in (TOGETHER, SPLIT):
                told = {"order": order, "block_m": m, "block_n": n, "parts": 2}
                cases[f"{told} {choices}"] = case(by_hand, *inputs, choices=choices, **told)
    check(tmp_path, cases)


def test_rows_without_keys(tmp_path):
    """torch's own attention answers them with zeros, a softmax with NaN."""
    keep = data(2, 1, 21, 21) > -1
    keep[0, 0, 5] = keep[1, 0, 18:] = False
    cases = {}
    for choices in ALL:
        zeros = case(lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), *heads(), keep, choices=choices, **SMALL)
        nan = case(
            lambda q, k, v, m: (q @ k.mT).masked_fill(~m, float("-inf")).softmax(-1) @ v,
            *heads(), keep, choices=choices, **SMALL,
        )  # fmt: skip
        early = case(lambda q, k, v: by_hand(q, k, v), *heads(50, 20), choices=choices, **SMALL)
        cases |= {f"zeros {choices}": zeros, f"nan {choices}": nan, f"early {choices}": early}
    check(tmp_path, cases)


def test_large_and_infinite_scores(tmp_path):
    q, k, v = heads()
    infinite, never = q.clone(), data(1, 1, 21, 21)
    infinite[0, 0, 3] = torch.inf
    never[..., ::3] = -torch.inf
    cases = {}
    for choices in ALL:
        cases[f"large {choices}"] = case(sdpa, q * 200, k, v, choices=choices, **SMALL)
        cases[f"huge {choices}"] = case(
            sdpa, torch.cat([v, v], -1)[..., :24] * 1e5, k * 1e4, v, choices=choices, **SMALL
        )
        cases[f"infinite {choices}"] = case(sdpa, infinite, k.abs(), v, choices=choices, **SMALL)
        cases[f"never {choices}"] = case(
            lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), q, k, v, never, choices=choices, **SMALL
        )
    check(tmp_path, cases, 2e-5)


def test_half_types_round_as_torch_does(tmp_path):
    halves = [x.half() for x in heads(20, 40)]
    functions = {"torch's": sdpa, "by hand": by_hand}
    cases = {f"{n} {c}": case(f, *halves, choices=c, **SMALL) for n, f in functions.items() for c in (TOGETHER, SPLIT)}
    assert all(".to(tl.float16)" in each.code.source for each in cases.values())
    check(tmp_path, cases, tolerance=2e-3)


@st.composite
def attentions(draw):
    """A function with random masks, bias, views and what follows, its inputs, structure and blocks."""
    q, kv = draw(st.integers(1, 40)), draw(st.integers(2, 40))
    depth, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    shared, turned, masks = draw(st.booleans()), draw(st.booleans()), draw(st.sets(st.sampled_from("cbmp")))
    after = draw(st.sampled_from(["", "residual", "turn"]))
    inputs = heads(q, kv, depth, width, (2, 2))
    inputs[1] = inputs[1][:, :1] if shared else inputs[1]
    inputs[2] = inputs[2].transpose(-2, -1).contiguous() if turned else inputs[2]
    inputs += [data(2, q, kv), data(2, 1, 1, kv) > -1, data(2, 2, q, width)]

    def function(q, k, v, bias, padding, residual):
        scores = q @ k.mT * 0.3
        if "c" in masks:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(2) > 0, float("-inf"))
        scores = scores + bias if "b" in masks else scores
        scores = torch.where(padding, scores, -1e4) if "p" in masks else scores
        scores = torch.tanh(scores) if "m" in masks else scores
        y = scores.softmax(-1) @ (v.transpose(-2, -1) if turned else v)
        return y + residual if after == "residual" else y.transpose(1, 2) * 2 if after == "turn" else y

    choices = draw(st.sampled_from(ALL))
    m, n = (draw(st.sampled_from([16, 32])) for _ in range(2))
    return case(function, *inputs, choices=choices, block_m=m, block_n=n, parts=draw(st.sampled_from([2, 4])))


@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases=st.lists(attentions(), min_size=10, max_size=10))
def test_any_attention(tmp_path_factory, cases):
    check(tmp_path_factory.mktemp("any"), {f"{i}\n{each.code.source}": each for i, each in enumerate(cases)})


def test_blocks_above_the_diagonal_are_skipped_and_those_below_have_no_mask():
    def sources(function, *inputs):
        return case(function, *inputs, choices=TOGETHER, **SMALL).code.source

    for function in (by_hand, lambda q, k, v: sdpa(q, k, v, is_causal=True)):
        source = sources(function, *heads(48, d=16))
        inside, edges = source.split("range(full, high")
        assert "tl.minimum((block + 1) * BLOCK_M" in source and inside.count("tl.where(") == 1
        assert edges.count("tl.where(") > 1
    assert "high" not in sources(sdpa, *heads(48, d=16))
    assert "high" not in sources(*CASES["soft cap after the mask"][:1], *CASES["soft cap after the mask"][1])


@pytest.mark.parametrize("way", ["argument", "tril", "triu", "positions"])
def test_causal_masks_are_seen_at_any_length(way):
    length = 40_000
    x = torch.empty(1, device="meta").expand(1, 1, length, 16)

    def function(q, k, v):
        if way == "argument":
            return sdpa(q, k, v, is_causal=True)
        ones = torch.ones(length, length, device=q.device)
        row, column = (torch.arange(length, device=q.device) for _ in range(2))
        masks = {"tril": ones.tril() == 0, "triu": ones.triu(1).bool(), "positions": column > row[:, None]}
        return (q @ k.mT).masked_fill(masks[way], float("-inf")).softmax(-1) @ v

    graph, nodes, outputs = whole(function, [x, x, x])
    facts = ATTENTION.facts(graph, KernelPlan("attention", nodes, outputs, TOGETHER), NOMINAL)
    assert facts["causal"]


def test_few_queries_split_the_keys():
    long = [data(1, 2, 1, 16), data(1, 2, 4096, 16), data(1, 2, 4096, 16)]
    assert structures(sdpa, *long) == [SPLIT, TOGETHER]
    assert structures(sdpa, *heads(300, d=16)) == [TOGETHER, PIECES, PIECE]


def test_many_operations_are_worth_a_pass_over_keys_and_values():
    q, k = (torch.empty(1, device="meta").expand(4, 8, length, 64) for length in (2048, 4096))
    assert structures(sdpa, q, k, k) == [PIECES, TOGETHER, PIECE]
    wide = torch.empty(1, device="meta").expand(4, 8, 2048, 256)
    assert structures(sdpa, wide, wide, wide) == [TOGETHER, PIECE]


@pytest.mark.parametrize("name", ["plain", "groups", "fused heads", "rotated all", "flat heads"])
def test_what_heads_share_is_cut_once(name):
    """Groups of queries read one matrix; of heads in one tensor no other part is cut."""
    function, inputs = CASES[name]
    made = case(function, *inputs, choices=PIECES, **SMALL)
    elements = {"plain": 4 * 21 * 24, "groups": 2 * 21 * 24, "fused heads": 2 * 3 * 19 * 8, "flat heads": 3 * 21 * 24}
    sizes = re.findall(r"pieces_[jx] = torch.empty\(2 \* (\d+), dtype=torch.float16", made.code.source)
    assert sizes == [str(elements.get(name, 4 * 21 * 24))] * 2


def test_what_other_kernels_must_do_is_refused():
    def weights_too(q, k, v):
        weights = (q @ k.mT).softmax(-1)
        return weights @ v, weights

    refused = {
        "weights are needed": (weights_too, heads()),
        "work on keys for every block": (lambda q, k, v: sdpa(q, k * 2, v), heads(100)),
        "too wide": (sdpa, heads(20, d=300)),
        "float64": (sdpa, [x.double() for x in heads()]),
        "a reduction follows": (lambda q, k, v: sdpa(q, k, v).sum(-1), heads()),
        "another product": (lambda q, k, v: sdpa(q, k, v) @ v.mT, heads()),
        "keys along rows": (lambda q, k, v: (q @ k.mT).softmax(-2) @ v, heads()),
    }
    assert [why for why, (function, inputs) in refused.items() if supported(function, *inputs)] == []
