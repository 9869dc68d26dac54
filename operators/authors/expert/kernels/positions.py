"""Conditions on positions, on one side of a diagonal or on it, read from how they are computed: at any size."""

from __future__ import annotations

from operators.authors.expert.ir.constants import Nodes, is_constant
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, aligned
from operators.authors.expert.kernels.views import PURE_VIEWS, input_index

_MIRRORED = {"le": "ge", "lt": "gt"}


def condition(graph: Nodes, node_id: int, place: Place) -> Index | None:
    """What is not negative exactly where the node is true (or not zero) at `place`; None if it is not known."""
    node = graph[node_id]
    if node.op in PURE_VIEWS:
        return condition(graph, node.inputs[0], input_index(graph, node, place))
    if node.op in ("cast", "logical_not"):
        inner = condition(graph, node.inputs[0], place)
        return inner if node.op == "cast" or inner is None else _negated(inner)
    if node.op == "where":
        inner = condition(graph, node.inputs[0], aligned(place, graph[node.inputs[0]].shape))
        zeros = [is_constant(graph, i, 0) for i in node.inputs[1:]]
        ones = [is_constant(graph, i, 1) for i in node.inputs[1:]]
        if inner is not None and ones[0] and zeros[1]:
            return inner
        return _negated(inner) if inner is not None and zeros[0] and ones[1] else None
    if node.op in ("eq", "ne") and is_constant(graph, node.inputs[1], 0):
        inner = condition(graph, node.inputs[0], aligned(place, graph[node.inputs[0]].shape))
        return inner if node.op == "ne" or inner is None else _negated(inner)
    if node.op in ("le", "lt", "ge", "gt"):
        left, right = (_number(graph, i, aligned(place, graph[i].shape)) for i in node.inputs)
        if left is None or right is None:
            return None
        above = left - right if node.op in _MIRRORED.values() else right - left
        return above - 1 if node.op in ("lt", "gt") else above
    return None


def equality(graph: Nodes, node_id: int, place: Place) -> Index | None:
    """What is zero exactly where the node, a comparison of positions, is true at `place`; None if it is not known."""
    node = graph[node_id]
    if node.op in PURE_VIEWS:
        return equality(graph, node.inputs[0], input_index(graph, node, place))
    if node.op != "eq":
        return None
    left, right = (_number(graph, i, aligned(place, graph[i].shape)) for i in node.inputs)
    return None if left is None or right is None else left - right


def _negated(index: Index) -> Index:
    return index * -1 - 1


def _number(graph: Nodes, node_id: int, place: Place) -> Index | None:
    """An integer that is affine in positions, of a type in which none wraps around."""
    node = graph[node_id]
    if node.dtype not in (DType.I32, DType.I64):
        return None
    if node.op == "const":
        return Index(constant=int(node.attrs["value"]))
    if node.op == "iota":
        return place[node.attrs["axis"]]
    if node.op in PURE_VIEWS:
        return _number(graph, node.inputs[0], input_index(graph, node, place))
    if node.op == "cast":
        return _number(graph, node.inputs[0], place)
    if node.op in ("add", "sub"):
        left, right = (_number(graph, i, aligned(place, graph[i].shape)) for i in node.inputs)
        if left is not None and right is not None:
            return left + right if node.op == "add" else left - right
    return None
