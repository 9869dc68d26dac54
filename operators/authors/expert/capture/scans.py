"""Cumulative sums and their kin."""

from __future__ import annotations

from operators.authors.expert.capture.elementwise import as_dtype
from operators.authors.expert.capture.registry import Call, lowers, need
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


@lowers("cummax.default", wide=False)
def cummax(call: Call, x: Term, dim: int) -> tuple[Term, Term]:
    return _extremes("max", call, x, dim)


@lowers("cummin.default", wide=False)
def cummin(call: Call, x: Term, dim: int) -> tuple[Term, Term]:
    return _extremes("min", call, x, dim)


def _extremes(op: str, call: Call, x: Term, dim: int) -> tuple[Term, Term]:
    """Values by a scan; indices, if anybody wants them, by torch."""
    need(x.rank > 0 and x.dtype is not DType.BOOL)
    attrs = {"target": f"aten.cum{op}.default", "args": (("node", 0), dim), "kwargs": {}, "results": call.types}
    both = call.terms.add("library", [x], call.type, **attrs)
    return x.scan(op, dim), call.terms.add("item", [both], call.types[1], index=1)
