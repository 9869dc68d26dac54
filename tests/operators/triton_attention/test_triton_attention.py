"""Triton attention in the interpreter, against float64.

The interpreter multiplies in float32, whatever precision is asked for, and gets bfloat16 wrong: both are for a GPU.
"""

from __future__ import annotations

import math
import random

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("triton")

from attentions import SPLIT, TOGETHER, case, check, data, heads, structures, supported
from interpreted import assert_near, run

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
    k, v = (x[:, :1].repeat_interleave(3, 1) for x in (k, v))
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
    "boolean mask": (lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), [*heads(), data(2, 1, 37, 37) > -1]),
    "additive mask": (lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), [*heads(), data(1, 3, 37, 37)]),
    "key padding": (lambda q, k, v, m: sdpa(q, k, v, attn_mask=m[:, None, None]), [*heads(), data(2, 37) > -1]),
    "groups": (grouped, heads()),
    "fused heads": (fused_heads, [data(2, 19, 72)]),
    "flat heads": (lambda q, k, v: torch.bmm(torch.bmm(q, k.mT).softmax(-1), v), heads(batch=(6,))),
    "rotated queries": (lambda q, k, v, a: sdpa(rotated(q, a), k, v), [*heads(70, 20), data(70, 24)]),
    "rotated all": (lambda q, k, v, a: sdpa(rotated(q, a), rotated(k, a), v * 2), [*heads(), data(37, 24)]),
    "gate after": (lambda q, k, v: torch.sigmoid(sdpa(q, k, v)) * q + 1, heads()),
    "two results": (lambda q, k, v: (y := sdpa(q, k, v), F.relu(y).transpose(1, 2)), heads()),
    "wide values": (sdpa, heads(19, 33, 8, 40)),
    "narrow": (sdpa, heads(19, 33, 1, 1)),
    "one query": (sdpa, heads(1, 70, 16)),
    "one query, narrow": (lambda q, k, v: sdpa(q, k, v) + 1, heads(1, 70, 16, 1)),
    "no batch": (sdpa, heads(19, batch=())),
    "wide heads": (sdpa, heads(5, 18, 200, 130, batch=(1, 1))),
}  # fmt: skip


@pytest.mark.parametrize("choices", [TOGETHER, SPLIT], ids=["together", "split"])
def test_agrees_with_float64(tmp_path, choices):
    check(tmp_path, {name: case(f, *inputs, choices=choices, **SMALL) for name, (f, inputs) in CASES.items()})


def test_every_schedule_gives_the_same_values(tmp_path):
    cases = {}
    for order in ("forward", "backward", "longest"):
        for m, n in ((16, 64), (64, 16), (32, 32)):
            for choices in (TOGETHER, SPLIT):
                told = {"order": order, "block_m": m, "block_n": n, "parts": 2}
                cases[f"{told} {choices}"] = case(by_hand, *heads(70), choices=choices, **told)
    check(tmp_path, cases)
