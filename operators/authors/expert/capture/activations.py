"""Activation functions, in the forms that torch computes."""

from __future__ import annotations

import math

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Number, Term

# From the first on softplus is the number itself in float32, or to less; beyond the second torch's would overflow.
_STRAIGHT, _OVERFLOWS = 17, 80


@lowers("relu.default")
def relu(call: Call, x: Term) -> Term:
    return x.max(0)


@lowers("relu6.default")
def relu6(call: Call, x: Term) -> Term:
    return x.max(0).min(6)


@lowers("gelu.default")
def gelu(call: Call, x: Term, approximate: str = "none") -> Term:
    if approximate == "tanh":
        inner = (x + x * x * x * 0.044715) * math.sqrt(8 / math.pi)
        return x * inner.map("sigmoid")  # (1 + tanh(y)) / 2 = sigmoid(2 y)
    return x * 0.5 * ((x * math.sqrt(0.5)).map("erf") + 1)


@lowers("silu.default")
def silu(call: Call, x: Term) -> Term:
    return x * x.map("sigmoid")


@lowers("mish.default")
def mish(call: Call, x: Term) -> Term:
    return x * x.map("mish_gate")


@lowers("softplus.default")
def softplus(call: Call, x: Term, beta: Number = 1, threshold: Number = 20) -> Term:
    scaled = x * beta
    soft = (scaled.map("softplus") if threshold < _OVERFLOWS else scaled.map("exp").map("log1p")) / beta
    if beta == 1 and _STRAIGHT <= threshold < _OVERFLOWS and x.type.dtype is not DType.F64:
        return soft
    return call.terms.where(scaled.map("gt", threshold), x, soft)


@lowers("hardsigmoid.default")
def hardsigmoid(call: Call, x: Term) -> Term:
    return (x + 3).max(0).min(6) / 6


@lowers("hardswish.default")
def hardswish(call: Call, x: Term) -> Term:
    return x * (x + 3).max(0).min(6) / 6


@lowers("hardtanh.default")
def hardtanh(call: Call, x: Term, min_val: Number = -1, max_val: Number = 1) -> Term:
    return x.max(min_val).min(max_val)


@lowers("elu.default")
def elu(call: Call, x: Term, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) -> Term:
    negative = (x * input_scale).map("expm1") * (alpha * scale)
    return call.terms.where(x.map("gt", 0), x * scale, negative)


@lowers("selu.default")
def selu(call: Call, x: Term) -> Term:
    return elu(call, x, 1.6732632423543772, 1.0507009873554805)


@lowers("celu.default")
def celu(call: Call, x: Term, alpha: Number = 1.0) -> Term:
    return elu(call, x, alpha, 1, 1.0 / alpha)


@lowers("leaky_relu.default")
def leaky_relu(call: Call, x: Term, negative_slope: Number = 0.01) -> Term:
    return call.terms.where(x.map("gt", 0), x, x * negative_slope)


@lowers("rrelu.default")
def rrelu(call: Call, x: Term, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator=None):
    need(not training)
    return leaky_relu(call, x, (lower + upper) / 2)


@lowers("prelu.default", "_prelu_kernel.default")
def prelu(call: Call, x: Term, weight: Term) -> Term:
    if weight.rank != x.rank:
        weight = weight.reshape([weight.type.numel if a == 1 else 1 for a in range(x.rank)])
    return call.terms.where(x.map("gt", 0), x, x * weight)


@lowers("softsign.default")
def softsign(call: Call, x: Term) -> Term:
    return x / (x.map("abs") + 1)


@lowers("log_sigmoid.default", "log_sigmoid_forward.default")
def log_sigmoid(call: Call, x: Term) -> Term | tuple[Term, None]:
    value = -(-x).map("softplus")
    return value if len(call.types) == 1 else (value, None)


@lowers("tanhshrink.default")
def tanhshrink(call: Call, x: Term) -> Term:
    return x - x.map("tanh")


@lowers("hardshrink.default")
def hardshrink(call: Call, x: Term, lambd: Number = 0.5) -> Term:
    inside = x.map("ge", -lambd).map("logical_and", x.map("le", lambd))
    return call.terms.where(inside, 0.0, x)


@lowers("softshrink.default")
def softshrink(call: Call, x: Term, lambd: Number = 0.5) -> Term:
    shrunk = call.terms.where(x.map("lt", -lambd), x + lambd, x * 0.0)
    return call.terms.where(x.map("gt", lambd), x - lambd, shrunk)


@lowers("threshold.default")
def threshold(call: Call, x: Term, threshold: Number, value: Number) -> Term:
    return call.terms.where(x.map("le", threshold), value, x)


@lowers("glu.default")
def glu(call: Call, x: Term, dim: int = -1) -> Term:
    half = x.shape[x.axis(dim)] // 2
    return x.slice(dim, 0, half) * x.slice(dim, half, half).map("sigmoid")


@lowers("logit.default")
def logit(call: Call, x: Term, eps: float | None = None) -> Term:
    if eps is not None:
        x = x.max(eps).min(1.0 - eps)
    return (x / (1 - x)).map("log")
