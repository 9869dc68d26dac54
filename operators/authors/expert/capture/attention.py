"""Scaled dot-product attention, opened into products, mask and softmax for the attention generator to find."""

from __future__ import annotations

import math

from operators.authors.expert.capture.reductions import softmax_of
from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Term

_NEVER = float("-inf")


@lowers("scaled_dot_product_attention.default", wide=False)
def attention(
    call: Call,
    q: Term,
    k: Term,
    v: Term,
    attn_mask: Term | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Term:
    need(dropout_p == 0.0)
    if enable_gqa:
        k, v = (_heads_repeated(t, q.shape[-3]) for t in (k, v))
    scale = 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = q.dot(k.transpose(-2, -1)).cast(DType.F64 if q.dtype is DType.F64 else DType.F32) * scale
    if is_causal:
        row, column = call.terms.iota((q.shape[-2], 1), 0), call.terms.iota((1, k.shape[-2]), 1)
        scores = call.terms.where(column.map("le", row), scores, _NEVER)
    if attn_mask is None:
        weights = softmax_of(scores, -1)
    else:
        boolean = attn_mask.dtype is DType.BOOL
        scores = call.terms.where(attn_mask, scores, _NEVER) if boolean else scores + attn_mask
        nothing = scores.reduce("max", [-1], True).map("eq", _NEVER)  # torch gives zeros to a row without keys
        weights = call.terms.where(nothing, 0.0, softmax_of(scores, -1))
    return weights.cast(q.dtype).dot(v)


def _heads_repeated(x: Term, heads: int) -> Term:
    *batch, own, length, depth = x.shape
    shape = [*batch, own, heads // own, length, depth]
    return x.unsqueeze(-3).broadcast(shape).reshape([*batch, heads, length, depth])
