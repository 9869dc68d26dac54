"""Elementwise ops as C++ expressions. Functions named `k_*` are in the preludes `types.h` and `math.h`."""

from __future__ import annotations

from operators.authors.expert.cpp.dtypes import COMPUTE, converted
from operators.authors.expert.ir.graph import DType, Graph, Node

_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "logical_and": "&", "logical_or": "|", "logical_xor": "!=",
    "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^",
}  # fmt: skip
_SMALL = frozenset([DType.I16, DType.I8, DType.U8, DType.BOOL])
# x to a constant power, where a short product is as exact as pow.
_POWERS = {
    0.5: "k_sqrt({0})",
    -0.5: "k_rsqrt({0})",
    1.0: "{0}",
    -1.0: "k_reciprocal({0})",
    2.0: "{0} * {0}",
    -2.0: "k_reciprocal({0} * {0})",
    3.0: "{0} * {0} * {0}",
    4.0: "({0} * {0}) * ({0} * {0})",
}


def map_text(graph: Graph, node: Node, operands: list[str]) -> str:
    """The C++ expression of one map over operands already converted to `operand_types`."""
    text = _text(graph, node, operands)
    return f"({COMPUTE[node.dtype]})({text})" if node.dtype in _SMALL and node.op != "cast" else text


def _text(graph: Graph, node: Node, operands: list[str]) -> str:
    if node.op == "cast":
        return converted(operands[0], graph[node.inputs[0]].dtype, node.dtype)
    if node.op == "where":
        return "k_where({}, {}, {})".format(*operands)
    if node.op == "neg":
        return f"-{operands[0]}"
    if node.op == "logical_not":
        return f"!{operands[0]}"
    if node.op == "bitwise_not":
        return f"{'!' if node.dtype is DType.BOOL else '~'}{operands[0]}"
    if node.op == "pow" and node.dtype.is_float and graph[node.inputs[1]].op == "const":
        power = _POWERS.get(float(graph[node.inputs[1]].attrs["value"]))
        if power:
            return power.format(operands[0])
    if node.op in ("max", "min"):
        return _extreme(graph, node, operands)
    if node.op in _OPERATORS:
        return f"{operands[0]} {_OPERATORS[node.op]} {operands[1]}"
    return f"k_{node.op}({', '.join(operands)})"


def _extreme(graph: Graph, node: Node, operands: list[str]) -> str:
    """`max` and `min` of two numbers; a constant bound that is not NaN needs one comparison."""
    bounds = [graph[i].op == "const" and graph[i].attrs["value"] == graph[i].attrs["value"] for i in node.inputs]
    if any(bounds):
        name = "k_at_least" if node.op == "max" else "k_at_most"
        return f"{name}({', '.join(operands if bounds[1] else reversed(operands))})"
    return f"{'k_larger' if node.op == 'max' else 'k_smaller'}({', '.join(operands)})"
