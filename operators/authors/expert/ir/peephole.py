"""Simplifications that hold for every value of a tensor, applied as a node is made."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from operators.authors.expert.ir.graph import DType, GraphBuilder, Node, TensorType

_FOLDS: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "reciprocal": lambda x: 1.0 / x,
}
_NEUTRAL_RIGHT = {"add": 0, "sub": 0, "mul": 1, "div": 1, "pow": 1}
_NEUTRAL_LEFT = {"add": 0, "mul": 1}


def simplified(
    builder: GraphBuilder, op: str, inputs: tuple[int, ...], type: TensorType, attrs: Mapping[str, Any]
) -> int:
    """The id of a node equal to `op(inputs)`: an existing one where a rule applies, else a new one."""
    nodes = [builder[i] for i in inputs]
    rule = _RULES.get(op)
    found = rule(builder, nodes, type, attrs) if rule else None
    if found is None and op in _FOLDS and all(n.op == "const" for n in nodes):
        found = _fold(builder, op, nodes, type)
    if found is None:
        found = _neutral(op, nodes, type)
    return builder.add(op, inputs, type, **attrs) if found is None else found


def _fold(builder: GraphBuilder, op: str, nodes: list[Node], type: TensorType) -> int | None:
    """Arithmetic of constants, in double precision; left alone where Python raises or integers could wrap."""
    try:
        value = _FOLDS[op](*(n.attrs["value"] for n in nodes))
    except (ArithmeticError, ValueError, TypeError):
        return None
    finite = isinstance(value, (int, float)) and abs(value) < 2.0**31
    return builder.add("const", (), type, value=value) if finite and type.dtype is not DType.BOOL else None


def _neutral(op: str, nodes: list[Node], type: TensorType) -> int | None:
    """x + 0, x - 0, x * 1, x / 1, x ** 1."""
    if len(nodes) != 2:
        return None
    left, right = nodes
    if _is_const(right, _NEUTRAL_RIGHT.get(op)) and left.type == type:
        return left.id
    if _is_const(left, _NEUTRAL_LEFT.get(op)) and right.type == type:
        return right.id
    return None


def _is_const(node: Node, value: int | None) -> bool:
    return value is not None and node.op == "const" and node.attrs["value"] == value


def _cast(builder: GraphBuilder, nodes: list[Node], type: TensorType, _: Mapping[str, Any]) -> int | None:
    (source,) = nodes
    if source.dtype == type.dtype:
        return source.id
    if source.op == "const" and source.dtype is not DType.BOOL and type.dtype is not DType.BOOL:
        value = source.attrs["value"]
        if math.isfinite(value):
            return builder.add("const", (), type, value=float(value) if type.dtype.is_float else int(value))
    return None


def _reshape(builder: GraphBuilder, nodes: list[Node], type: TensorType, _: Mapping[str, Any]) -> int | None:
    (source,) = nodes
    if source.shape == type.shape:
        return source.id
    if source.op == "reshape":
        return simplified(builder, "reshape", source.inputs, type, {})
    return None


def _permute(builder: GraphBuilder, nodes: list[Node], type: TensorType, attrs: Mapping[str, Any]) -> int | None:
    (source,), dims = nodes, attrs["dims"]
    if dims == tuple(range(len(dims))):
        return source.id
    if source.op == "permute":
        inner = source.attrs["dims"]
        return simplified(builder, "permute", source.inputs, type, {"dims": tuple(inner[d] for d in dims)})
    if [d for d in dims if type.shape[dims.index(d)] != 1] == [a for a, n in enumerate(source.shape) if n != 1]:
        return simplified(builder, "reshape", (source.id,), type, {})  # only axes of size 1 move
    return None


def _broadcast(builder: GraphBuilder, nodes: list[Node], type: TensorType, _: Mapping[str, Any]) -> int | None:
    (source,) = nodes
    if source.shape == type.shape:
        return source.id
    if source.op == "broadcast":
        return simplified(builder, "broadcast", source.inputs, type, {})
    return None


def _slice(builder: GraphBuilder, nodes: list[Node], type: TensorType, attrs: Mapping[str, Any]) -> int | None:
    (source,) = nodes
    if source.shape == type.shape:
        return source.id
    if source.op == "slice":
        before = list(zip(source.attrs["start"], source.attrs["step"], strict=True))
        after = list(zip(attrs["start"], attrs["step"], strict=True))
        start = tuple(s + t * u for (s, t), (u, _) in zip(before, after, strict=True))
        step = tuple(t * v for (_, t), (_, v) in zip(before, after, strict=True))
        return simplified(builder, "slice", source.inputs, type, {"start": start, "step": step})
    return None


def _pad(_: GraphBuilder, nodes: list[Node], type: TensorType, attrs: Mapping[str, Any]) -> int | None:
    return nodes[0].id if not any(attrs["low"]) and not any(attrs["high"]) else None


def _reduce(builder: GraphBuilder, nodes: list[Node], type: TensorType, attrs: Mapping[str, Any]) -> int | None:
    """A reduction of a reduction is one; reducing axes of size 1 is nothing, except for `any` and `all` of numbers."""
    (source,) = nodes
    if source.op == "reduce" and source.attrs["op"] == attrs["op"]:
        axes = tuple(sorted({*source.attrs["axes"], *attrs["axes"]}))
        return simplified(builder, "reduce", source.inputs, type, {**attrs, "axes": axes})
    axes = tuple(a for a in attrs["axes"] if source.shape[a] != 1)
    if source.dtype != type.dtype or axes == attrs["axes"]:
        return None
    return simplified(builder, "reduce", (source.id,), type, {**attrs, "axes": axes}) if axes else source.id


def _argreduce(builder: GraphBuilder, nodes: list[Node], type: TensorType, attrs: Mapping[str, Any]) -> int | None:
    """Of one element it is the first."""
    if nodes[0].shape[attrs["axis"]] != 1:
        return None
    return simplified(builder, "broadcast", (builder.add("const", (), TensorType(type.dtype, ()), value=0),), type, {})


def _flip(builder: GraphBuilder, nodes: list[Node], type: TensorType, attrs: Mapping[str, Any]) -> int | None:
    """Twice is nothing; around a scan it is the scan from the other end."""
    (source,) = nodes
    if source.op == "flip" and source.attrs["axes"] == attrs["axes"]:
        return source.inputs[0]
    inner = builder[source.inputs[0]] if source.op == "scan" else None
    if inner and inner.op == "flip" and inner.attrs["axes"] == attrs["axes"] == (source.attrs["axis"],):
        reverse = not source.attrs["reverse"]
        return simplified(builder, "scan", inner.inputs, type, {**source.attrs, "reverse": reverse})
    return None


def _concat(_: GraphBuilder, nodes: list[Node], type: TensorType, attrs: Mapping[str, Any]) -> int | None:
    return nodes[0].id if len(nodes) == 1 else None


def _inverse(op: str) -> Callable[..., int | None]:
    def rule(_: GraphBuilder, nodes: list[Node], type: TensorType, __: Mapping[str, Any]) -> int | None:
        return nodes[0].inputs[0] if nodes[0].op == op else None

    return rule


def _tanh(builder: GraphBuilder, nodes: list[Node], type: TensorType, _: Mapping[str, Any]) -> int | None:
    (source,) = nodes
    if source.op != "softplus" or not _exact(builder, source, type):
        return None
    return simplified(builder, "mish_gate", source.inputs, type, {})


def _mul(builder: GraphBuilder, nodes: list[Node], type: TensorType, _: Mapping[str, Any]) -> int | None:
    """A factor 1 + tanh(x) is 2 sigmoid(2 x), and 1 + erf(x) one function. Of factors only: their logarithm, or a
    quotient by them, would be finite where torch's is not."""
    for factor, other in (nodes, nodes[::-1]):
        inner = _beside_one(builder, factor)
        if inner is not None and _exact(builder, inner, factor.type):
            return simplified(builder, "mul", (other.id, _one_and(builder, inner)), type, {})
    return None


def _one_and(builder: GraphBuilder, inner: Node) -> int:
    if inner.op == "erf":
        return simplified(builder, "erf_plus_one", inner.inputs, inner.type, {})
    two = builder.add("const", (), TensorType(inner.dtype, ()), value=2.0)
    doubled = simplified(builder, "mul", (inner.inputs[0], two), inner.type, {})
    sigmoid = simplified(builder, "sigmoid", (doubled,), inner.type, {})
    return simplified(builder, "mul", (sigmoid, two), inner.type, {})


def _beside_one(builder: GraphBuilder, node: Node) -> Node | None:
    """tanh(x) or erf(x) where the node is 1 and that."""
    if node.op != "add":
        return None
    a, b = (builder[i] for i in node.inputs)
    return next((x for x, y in ((a, b), (b, a)) if x.op in ("tanh", "erf") and _is_const(y, 1)), None)


def _exact(builder: GraphBuilder, inner: Node, type: TensorType) -> bool:
    """Whether nothing is rounded to less, or takes another shape, on the way."""
    same = inner.type == type and builder[inner.inputs[0]].type == type
    return same and type.dtype in (DType.F32, DType.F64)


_RULES: dict[str, Callable[..., int | None]] = {
    "cast": _cast,
    "reshape": _reshape,
    "permute": _permute,
    "broadcast": _broadcast,
    "slice": _slice,
    "pad": _pad,
    "reduce": _reduce,
    "argreduce": _argreduce,
    "flip": _flip,
    "concat": _concat,
    "neg": _inverse("neg"),
    "tanh": _tanh,
    "mul": _mul,
}
