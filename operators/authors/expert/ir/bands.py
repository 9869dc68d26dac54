"""Conditions over indices that keep a band around the diagonal: causal masks, triangles, diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from operators.authors.expert.ir.graph import Node


class Nodes(Protocol):
    """A Graph or a GraphBuilder."""

    def __getitem__(self, node_id: int, /) -> Node: ...


@dataclass(frozen=True)
class Band:
    """Where `low <= column - row <= high`; None is no bound. Rows and columns are the last two axes."""

    low: int | None
    high: int | None


def band(nodes: Nodes, condition: int) -> Band | None:
    """What a boolean node keeps, when it compares a row's index with a column's, each plus a constant."""
    node = nodes[condition]
    if node.op == "logical_not":
        return _complement(band(nodes, node.inputs[0]))
    if node.op in ("reshape", "broadcast", "cast"):
        inner = nodes[node.inputs[0]]
        return band(nodes, inner.id) if inner.shape[-2:] == node.shape[-2:] else None
    if node.op not in ("eq", "le", "lt", "ge", "gt") or len(node.shape) < 2:
        return None
    sides = [_index(nodes, i, len(node.shape)) for i in node.inputs]
    if None in sides or {side[0] for side in sides} != {-1, -2}:
        return None
    (axis, left), (_, right) = sides
    op, distance = node.op, right - left
    if axis == -2:  # row + left OP column + right
        op, distance = {"le": "ge", "ge": "le", "lt": "gt", "gt": "lt"}.get(op, op), -distance
    high = distance if op in ("le", "eq") else distance - 1 if op == "lt" else None
    low = distance if op in ("ge", "eq") else distance + 1 if op == "gt" else None
    return Band(low, high)


def masked(nodes: Nodes, node_id: int, outside: Sequence[float]) -> tuple[int, Band] | None:
    """(values, band) of a node that reads `values` inside a band and one of the constants `outside` beyond it."""
    node = nodes[node_id]
    if node.op != "where":
        return None
    condition, then, otherwise = node.inputs
    inside = band(nodes, condition)
    if inside and _constant(nodes, otherwise) in outside:
        return then, inside
    inside = _complement(inside)
    if inside and _constant(nodes, then) in outside:
        return otherwise, inside
    return None


def _complement(inside: Band | None) -> Band | None:
    if inside is None or (inside.low is None) == (inside.high is None):
        return None
    return Band(inside.high + 1, None) if inside.high is not None else Band(None, inside.low - 1)


def _index(nodes: Nodes, node_id: int, rank: int) -> tuple[int, int] | None:
    """(axis from the end, constant) of an index along one axis plus a constant."""
    node = nodes[node_id]
    if node.op == "iota":
        axis = node.attrs["axis"] - len(node.shape)
        alone = all(n == 1 for a, n in enumerate(node.shape) if a != node.attrs["axis"])
        return (axis, 0) if alone else None
    if node.op in ("reshape", "broadcast", "cast"):
        found = _index(nodes, node.inputs[0], rank)
        return _moved(nodes[node.inputs[0]], node, found) if found else None
    if node.op in ("add", "sub"):
        constant, found = _constant(nodes, node.inputs[1]), _index(nodes, node.inputs[0], rank)
        if constant is None and node.op == "add":
            constant, found = _constant(nodes, node.inputs[0]), _index(nodes, node.inputs[1], rank)
        if constant is not None and found is not None and constant == int(constant):
            return found[0], found[1] + int(constant if node.op == "add" else -constant)
    return None


def _moved(source: Node, node: Node, found: tuple[int, int]) -> tuple[int, int] | None:
    """The axis of an index after axes of size 1 came or went."""
    size = source.shape[found[0]]
    if node.type.numel == size:
        axes = [a - len(node.shape) for a, n in enumerate(node.shape) if n == size]
        return (axes[-1], found[1]) if size > 1 else None
    return found if node.op == "broadcast" and node.shape[found[0]] == size else None


def _constant(nodes: Nodes, node_id: int) -> float | None:
    node = nodes[node_id]
    while node.op in ("broadcast", "reshape", "cast"):
        node = nodes[node.inputs[0]]
    return node.attrs["value"] if node.op == "const" else None
