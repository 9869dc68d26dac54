"""Arithmetic, comparisons and selection."""

from __future__ import annotations

import torch

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Number, Term, ir_dtype

Operand = Term | Number

for _op in (
    "neg abs sign exp exp2 expm1 log log2 log1p sqrt rsqrt reciprocal sin cos tan tanh sigmoid erf erfc asin acos atan "
    "sinh cosh asinh acosh atanh floor ceil trunc logical_not isnan isinf"
).split():
    lowers(f"{_op}.default")(lambda call, x, _op=_op: x.map(_op))
for _op in "fmod mul eq ne lt le gt ge".split():
    lowers(f"{_op}.Tensor", f"{_op}.Scalar")(lambda call, x, y, _op=_op: call.terms.map(_op, x, y))
for _op in "logical_and logical_or logical_xor atan2".split():
    lowers(f"{_op}.default")(lambda call, x, y, _op=_op: call.terms.map(_op, x, y))

for _op in "and or xor".split():
    lowers(f"bitwise_{_op}.Tensor", f"bitwise_{_op}.Scalar", f"__{_op}__.Tensor", f"__{_op}__.Scalar")(
        lambda call, x, y, _op=_op: call.terms.map(f"{_bits(call)}_{_op}", x, y)
    )


def _bits(call: Call) -> str:
    """Of booleans, a bitwise op is the logical one."""
    return "logical" if call.type.dtype is DType.BOOL else "bitwise"


@lowers("bitwise_not.default")
def bitwise_not(call: Call, x: Term) -> Term:
    return x.map(f"{_bits(call)}_not")


@lowers("add.Tensor", "add.Scalar")
def add(call: Call, x: Operand, y: Operand, alpha: Number = 1) -> Term:
    return call.terms.map("add", x, y if alpha == 1 else y * alpha)


@lowers("sub.Tensor", "sub.Scalar")
def sub(call: Call, x: Operand, y: Operand, alpha: Number = 1) -> Term:
    return call.terms.map("sub", x, y if alpha == 1 else y * alpha)


@lowers("rsub.Tensor", "rsub.Scalar")
def rsub(call: Call, x: Operand, y: Operand, alpha: Number = 1) -> Term:
    return call.terms.map("sub", y, x if alpha == 1 else x * alpha)


@lowers("div.Tensor", "div.Scalar", "div.Tensor_mode", "div.Scalar_mode")
def div(call: Call, x: Operand, y: Operand, rounding_mode: str | None = None) -> Term:
    if rounding_mode is None:
        return call.terms.map("div", x, y)
    if rounding_mode == "floor":
        return call.terms.map("floor_div", x, y)
    need(call.type.dtype.is_float)
    return call.terms.map("div", x, y).map("trunc")


@lowers("floor_divide.default", "floor_divide.Scalar")
def floor_divide(call: Call, x: Operand, y: Operand) -> Term:
    return call.terms.map("floor_div", x, y)


@lowers("remainder.Tensor", "remainder.Scalar", "remainder.Scalar_Tensor")
def remainder(call: Call, x: Operand, y: Operand) -> Term:
    return call.terms.map("mod", x, y)


@lowers("pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar")
def pow_(call: Call, x: Operand, y: Operand) -> Term:
    """Powers that are cheap by other means are written so, as torch computes them."""
    if isinstance(x, Term) and not isinstance(y, Term) and call.type.dtype.is_float:
        x = x.floating()
        if y == 2:
            return x * x
        if y == 3:
            return x * x * x
        if y in (0.5, -0.5, -1):
            return x.map({0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal"}[y])
    return call.terms.map("pow", x, y)


@lowers("square.default")
def square(call: Call, x: Term) -> Term:
    return x * x


@lowers("maximum.default", "max.other")
def maximum(call: Call, x: Term, y: Term) -> Term:
    return x.max(y)


@lowers("minimum.default", "min.other")
def minimum(call: Call, x: Term, y: Term) -> Term:
    return x.min(y)


@lowers("clamp.default", "clamp.Tensor", "clip.default")
def clamp(call: Call, x: Term, min: Operand | None = None, max: Operand | None = None) -> Term:
    if min is not None:
        x = x.max(min)
    return x if max is None else x.min(max)


@lowers("clamp_min.default", "clamp_min.Tensor")
def clamp_min(call: Call, x: Term, bound: Operand) -> Term:
    return x.max(bound)


@lowers("clamp_max.default", "clamp_max.Tensor")
def clamp_max(call: Call, x: Term, bound: Operand) -> Term:
    return x.min(bound)


@lowers("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def where(call: Call, condition: Term, then: Operand, otherwise: Operand) -> Term:
    return call.terms.where(condition, then, otherwise)


@lowers("masked_fill.Scalar", "masked_fill.Tensor")
def masked_fill(call: Call, x: Term, mask: Term, value: Operand) -> Term:
    return call.terms.where(mask, call.terms.as_term(value, x.dtype), x)


@lowers("lerp.Scalar", "lerp.Tensor")
def lerp(call: Call, start: Term, end: Term, weight: Operand) -> Term:
    """torch's form, which is exact at both ends."""
    if not isinstance(weight, Term):
        return start + (end - start) * weight if abs(weight) < 0.5 else end - (end - start) * (1.0 - weight)
    near = weight.map("abs").map("lt", 0.5)
    return call.terms.where(near, start + (end - start) * weight, end - (end - start) * (1.0 - weight))


@lowers("addcmul.default")
def addcmul(call: Call, x: Term, a: Term, b: Term, value: Number = 1) -> Term:
    return x + (a * b if value == 1 else a * b * value)


@lowers("addcdiv.default")
def addcdiv(call: Call, x: Term, a: Term, b: Term, value: Number = 1) -> Term:
    return x + (a / b if value == 1 else a / b * value)


@lowers("round.default", "round.decimals")
def round_(call: Call, x: Term, decimals: int = 0) -> Term:
    need(decimals == 0)
    return x.map("round")


@lowers("frac.default")
def frac(call: Call, x: Term) -> Term:
    return x - x.map("trunc")


@lowers("isfinite.default")
def isfinite(call: Call, x: Term) -> Term:
    return (x.map("isnan").map("logical_or", x.map("isinf"))).map("logical_not")


@lowers("logaddexp.default")
def logaddexp(call: Call, x: Term, y: Term) -> Term:
    top, distance = x.max(y), -(x - y).map("abs")
    same_infinity = x.map("isinf").map("logical_and", x.map("eq", y))
    return call.terms.where(same_infinity, x, top + distance.map("softplus"))


@lowers("xlogy.Tensor", "xlogy.Scalar_Other", "special_xlogy.default")
def xlogy(call: Call, x: Term, y: Operand) -> Term:
    y = call.terms.as_term(y, call.type.dtype)
    product = call.terms.where(x.map("eq", 0), 0.0, x * y.map("log"))
    return call.terms.where(y.map("isnan"), y, product)


@lowers("_to_copy.default", "to.dtype", wide=False)
def to_copy(call: Call, x: Term, *args: object, dtype: torch.dtype | None = None, **kwargs: object) -> Term:
    """Floats become integers by truncation in torch as in a cast; booleans by `!= 0`."""
    return x.cast(call.type.dtype)


@lowers(
    "clone.default",
    "detach.default",
    "alias.default",
    "contiguous.default",
    "lift_fresh_copy.default",
    "lift_fresh.default",
    "lift.default",
    "positive.default",
    wide=False,
)
def same(call: Call, x: Term, **kwargs: object) -> Term:
    return x


@lowers("copy.default", wide=False)
def copy(call: Call, target: Term, source: Term, non_blocking: bool = False) -> Term:
    return source.cast(target.dtype).broadcast(target.shape)


@lowers("type_as.default", wide=False)
def type_as(call: Call, x: Term, other: Term) -> Term:
    return x.cast(other.dtype)


@lowers("dropout.default", "native_dropout.default", "alpha_dropout.default", "feature_dropout.default")
def dropout(call: Call, x: Term, p: float, train: bool | None) -> Term | tuple[Term, Term]:
    """The identity in evaluation and for p = 0."""
    need(p == 0 or not train)
    if len(call.types) == 1:
        return x
    return x, call.terms.full(True, call.types[1])


def as_dtype(dtype: torch.dtype | None, otherwise: DType) -> DType:
    """The IR's name of an optional dtype argument."""
    return otherwise if dtype is None else ir_dtype(dtype)
