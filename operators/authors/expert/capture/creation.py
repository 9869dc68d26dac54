"""Constant tensors."""

from __future__ import annotations

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Number, Term


@lowers("full.default", "full_like.default", "new_full.default", "scalar_tensor.default", wide=False)
def full(call: Call, *args: object, **kwargs: object) -> Term:
    value = args[-1]
    need(isinstance(value, (bool, int, float)))
    return call.terms.full(value, call.type)


@lowers("fill.Scalar", "fill.Tensor", wide=False)
def fill(call: Call, x: Term, value: Term | Number) -> Term:
    return call.terms.as_term(value, x.dtype).broadcast(x.shape)


@lowers("zeros.default", "zeros_like.default", "new_zeros.default", wide=False)
def zeros(call: Call, *args: object, **kwargs: object) -> Term:
    return call.terms.full(call.type.dtype is not DType.BOOL and 0, call.type)


@lowers("ones.default", "ones_like.default", "new_ones.default", wide=False)
def ones(call: Call, *args: object, **kwargs: object) -> Term:
    return call.terms.full(call.type.dtype is DType.BOOL or 1, call.type)


@lowers("arange.start_step", "arange.start", "arange.default", wide=False)
def arange(call: Call, *args: Number, **kwargs: object) -> Term:
    start, step = (0, 1) if len(args) == 1 else (args[0], args[2] if len(args) > 2 else 1)
    return _line(call, start, step)


@lowers("linspace.default", wide=False)
def linspace(call: Call, start: Number, end: Number, steps: int, **kwargs: object) -> Term:
    """From both ends, as torch does, so that the last element is exact."""
    need(call.type.dtype.is_float and steps > 1)
    step, index = (end - start) / (steps - 1), call.terms.iota((steps,), 0)
    upwards = index.cast(call.type.dtype) * step + start
    downwards = float(end) - (steps - 1 - index).cast(call.type.dtype) * step
    return call.terms.where(index.map("lt", steps // 2), upwards, downwards)


def _line(call: Call, start: Number, step: Number) -> Term:
    line = call.terms.iota(call.type.shape, 0, call.type.dtype)
    return line * step + start


@lowers("eye.default", "eye.m", wide=False)
def eye(call: Call, *args: int, **kwargs: object) -> Term:
    rows, columns = call.type.shape
    same = call.terms.iota((rows, 1), 0).map("eq", call.terms.iota((1, columns), 1))
    return same.cast(call.type.dtype)
