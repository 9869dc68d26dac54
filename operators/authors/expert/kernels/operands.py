"""The types that the operands of an elementwise op are converted to."""

from __future__ import annotations

from operators.authors.expert.ir.graph import DType, Graph, Node

COMPARE = frozenset("eq ne lt le gt ge".split())
LOGICAL = frozenset("logical_and logical_or logical_xor logical_not".split())
TEST = frozenset(["isnan", "isinf"])
_RANK = {d: i for i, d in enumerate("bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split())}


def operand_types(graph: Graph, node: Node) -> tuple[DType, ...]:
    """The type that each operand is converted to before the operation."""
    inputs = [graph[i].dtype for i in node.inputs]
    if node.op in COMPARE:
        return (common(graph, *node.inputs),) * 2
    if node.op in LOGICAL:
        return (DType.BOOL,) * len(inputs)
    if node.op in TEST or node.op == "cast":
        return tuple(inputs)
    if node.op == "where":
        return (DType.BOOL, node.dtype, node.dtype)
    return (node.dtype,) * len(inputs)


def common(graph: Graph, a: int, b: int) -> DType:
    """The type in which two operands meet in a comparison: a constant takes the other's type where it can."""
    left, right = graph[a], graph[b]
    for constant, other in ((left, right), (right, left)):
        if constant.op == "const" and other.op != "const":
            fits = other.dtype.is_float or not constant.dtype.is_float
            return (
                other.dtype
                if fits and other.dtype is not DType.BOOL
                else max(constant.dtype, DType.F32 if constant.dtype.is_float else DType.BOOL, key=_RANK.__getitem__)
            )
    return max(left.dtype, right.dtype, key=_RANK.__getitem__)
