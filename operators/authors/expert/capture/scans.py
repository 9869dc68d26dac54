"""Cumulative sums and their kin."""

from __future__ import annotations

from operators.authors.expert.capture.elementwise import as_dtype
from operators.authors.expert.capture.registry import Call, lowers
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Term


@lowers("cumsum.default")
def cumsum(call: Call, x: Term, dim: int, *, dtype=None) -> Term:
    return _cumulative("sum", x, dim, dtype)


@lowers("cumprod.default")
def cumprod(call: Call, x: Term, dim: int, *, dtype=None) -> Term:
    return _cumulative("prod", x, dim, dtype)


def _cumulative(op: str, x: Term, dim: int, dtype) -> Term:
    x = x.cast(as_dtype(dtype, x.dtype if x.dtype.is_float else DType.I64))
    return x.scan(op, dim) if x.rank else x
