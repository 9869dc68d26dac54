"""Reductions, and what torch computes by a few of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from operators.authors.expert.capture.elementwise import as_dtype
from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Number, Term

Axes = Sequence[int] | int | None


def _summable(x: Term, dtype: torch.dtype | None) -> Term:
    """Integers and booleans add up in int64."""
    return x.cast(as_dtype(dtype, x.dtype if x.dtype.is_float else DType.I64))


@lowers("sum.default", "sum.dim_IntList")
def sum_(call: Call, x: Term, dim: Axes = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Term:
    return _summable(x, dtype).reduce("sum", dim, keepdim)


@lowers("mean.default", "mean.dim")
def mean(call: Call, x: Term, dim: Axes = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Term:
    return x.cast(as_dtype(dtype, x.dtype)).mean(dim, keepdim)


@lowers("prod.default", "prod.dim_int")
def prod(call: Call, x: Term, dim: Axes = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Term:
    return _summable(x, dtype).reduce("prod", dim, keepdim)


@lowers("amax.default", "max.default")
def amax(call: Call, x: Term, dim: Axes = None, keepdim: bool = False) -> Term:
    return x.reduce("max", dim, keepdim)


@lowers("amin.default", "min.default")
def amin(call: Call, x: Term, dim: Axes = None, keepdim: bool = False) -> Term:
    return x.reduce("min", dim, keepdim)


@lowers("max.dim")
def max_dim(call: Call, x: Term, dim: int, keepdim: bool = False) -> tuple[Term, Term]:
    need(x.rank > 0)
    return x.reduce("max", [dim], keepdim), x.argreduce("max", dim, keepdim)


@lowers("min.dim")
def min_dim(call: Call, x: Term, dim: int, keepdim: bool = False) -> tuple[Term, Term]:
    need(x.rank > 0)
    return x.reduce("min", [dim], keepdim), x.argreduce("min", dim, keepdim)


@lowers("argmax.default")
def argmax(call: Call, x: Term, dim: int | None = None, keepdim: bool = False) -> Term:
    return _arg(call, "max", x, dim, keepdim)


@lowers("argmin.default")
def argmin(call: Call, x: Term, dim: int | None = None, keepdim: bool = False) -> Term:
    return _arg(call, "min", x, dim, keepdim)


def _arg(call: Call, op: str, x: Term, dim: int | None, keepdim: bool) -> Term:
    need(x.rank > 0)
    if dim is None:
        return x.reshape([x.type.numel]).argreduce(op, 0).reshape(call.type.shape)
    return x.argreduce(op, dim, keepdim)


@lowers("any.default", "any.dim", "any.dims")
def any_(call: Call, x: Term, dim: Axes = None, keepdim: bool = False) -> Term:
    return x.map("ne", 0).reduce("any", dim, keepdim) if x.dtype is not DType.BOOL else x.reduce("any", dim, keepdim)


@lowers("all.default", "all.dim", "all.dims")
def all_(call: Call, x: Term, dim: Axes = None, keepdim: bool = False) -> Term:
    return x.map("ne", 0).reduce("all", dim, keepdim) if x.dtype is not DType.BOOL else x.reduce("all", dim, keepdim)


def variance(x: Term, dim: Axes, correction: Number = 1, keepdim: bool = False) -> tuple[Term, Term]:
    """(variance, mean) in the two-pass form; a generator may choose another."""
    average = x.mean(dim, True)
    centred = x - average
    divisor = max(x.size(dim) - correction, 0)
    squares = (centred * centred).reduce("sum", dim, keepdim)
    total = squares / float(divisor) if divisor else squares / 0.0
    return total, average if keepdim else average.squeeze(x.axes(dim))


@lowers("var.correction", "var.dim", "var.default")
def var(call: Call, x: Term, dim: Axes = None, *args: object, **kwargs: object) -> Term:
    return variance(x, *_statistics(dim, args, kwargs))[0]


@lowers("std.correction", "std.dim", "std.default")
def std(call: Call, x: Term, dim: Axes = None, *args: object, **kwargs: object) -> Term:
    return variance(x, *_statistics(dim, args, kwargs))[0].map("sqrt")


@lowers("var_mean.correction")
def var_mean(call: Call, x: Term, dim: Axes = None, **kwargs: object) -> tuple[Term, Term]:
    return variance(x, *_statistics(dim, (), kwargs))


def _statistics(dim: Axes | bool, args: Sequence, kwargs: dict) -> tuple[Axes, Number, bool]:
    """(axes, correction, keepdim) from any of the overloads; `x.var(False)` has its `unbiased` first."""
    if isinstance(dim, bool):
        return None, int(dim), False
    unbiased = args[0] if args else kwargs.get("unbiased", True)
    keepdim = args[1] if len(args) > 1 else kwargs.get("keepdim", False)
    correction = kwargs.get("correction", int(unbiased))
    return dim, 1 if correction is None else correction, keepdim


@lowers("linalg_vector_norm.default")
def vector_norm(call: Call, x: Term, ord: Number = 2, dim: Axes = None, keepdim: bool = False, *, dtype=None) -> Term:
    return _norm(x.cast(as_dtype(dtype, x.dtype)), ord, dim, keepdim)


@lowers("norm.Scalar", "norm.ScalarOpt_dim", "norm.ScalarOpt_dtype", "norm.ScalarOpt_dim_dtype")
def norm(call: Call, x: Term, p: Number | None = 2, dim: Axes = None, keepdim: bool = False, *, dtype=None) -> Term:
    return _norm(x.cast(as_dtype(dtype, x.dtype)), 2 if p is None else p, dim, keepdim)


def _norm(x: Term, p: Number, dim: Axes, keepdim: bool) -> Term:
    if p == 2:
        return (x * x).reduce("sum", dim, keepdim).map("sqrt")
    size = x.map("abs")
    if p == 1:
        return size.reduce("sum", dim, keepdim)
    if p == float("inf"):
        return size.reduce("max", dim, keepdim)
    if p == float("-inf"):
        return size.reduce("min", dim, keepdim)
    if p == 0:
        return x.map("ne", 0).cast(x.dtype).reduce("sum", dim, keepdim)
    return size.map("pow", float(p)).reduce("sum", dim, keepdim).map("pow", 1.0 / p)


@lowers("logsumexp.default")
def logsumexp(call: Call, x: Term, dim: Axes, keepdim: bool = False) -> Term:
    x = x.floating()
    top = x.reduce("max", dim, True)
    top = call.terms.where(top.map("isinf"), 0.0, top)  # a row of -inf is -inf, not NaN
    total = (x - top).map("exp").reduce("sum", dim, True).map("log") + top
    return total if keepdim else total.squeeze(x.axes(dim))


@lowers("softmax.int", "_softmax.default", "_safe_softmax.default")
def softmax(call: Call, x: Term, dim: int, *args: object, **kwargs: object) -> Term:
    return softmax_of(x if x.dtype is DType.F64 else x.cast(_at_least_float(call)), dim)


@lowers("log_softmax.int", "_log_softmax.default")
def log_softmax(call: Call, x: Term, dim: int, *args: object, **kwargs: object) -> Term:
    return log_softmax_of(x if x.dtype is DType.F64 else x.cast(_at_least_float(call)), dim)


def _at_least_float(call: Call) -> DType:
    return DType.F64 if call.type.dtype is DType.F64 else DType.F32


def softmax_of(x: Term, dim: int) -> Term:
    if not x.rank:
        return x - x + 1.0
    powers = (x - x.reduce("max", [dim], True)).map("exp")
    return powers / powers.reduce("sum", [dim], True)


def log_softmax_of(x: Term, dim: int) -> Term:
    if not x.rank:
        return x - x
    shifted = x - x.reduce("max", [dim], True)
    return shifted - shifted.map("exp").reduce("sum", [dim], True).map("log")
