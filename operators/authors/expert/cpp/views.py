"""What index of the input an index of a view reads."""

from __future__ import annotations

from operators.authors.expert.cpp.index import Index, aligned, linear, ranged, unravel
from operators.authors.expert.ir.graph import Graph, Node

PURE_VIEWS = frozenset(["reshape", "permute", "broadcast", "slice", "flip"])


def input_index(graph: Graph, node: Node, index: tuple[Index, ...]) -> tuple[Index, ...]:
    """The index into the input of a view that always reads it (PURE_VIEWS) at `index` of its result."""
    shape = graph[node.inputs[0]].shape
    if node.op == "reshape":
        return unravel(linear(index, node.shape), shape)
    if node.op == "permute":
        return tuple(index[node.attrs["dims"].index(axis)] for axis in range(len(shape)))
    if node.op == "broadcast":
        return aligned(index, shape)
    if node.op == "slice":
        return tuple(
            i * step + start for i, start, step in zip(index, node.attrs["start"], node.attrs["step"], strict=True)
        )
    axes = {axis % len(shape) for axis in node.attrs["axes"]}
    return tuple(i * -1 + (size - 1) if d in axes else i for d, (i, size) in enumerate(zip(index, shape, strict=True)))


def padded_index(graph: Graph, node: Node, index: tuple[Index, ...]) -> tuple[tuple[Index, ...], list[str]]:
    """For `pad`: the input's index, and the C++ conditions under which the input is read at all."""
    shape, low = graph[node.inputs[0]].shape, node.attrs["low"]
    moved = tuple(i - before for i, before in zip(index, low, strict=True))
    checks = [within(i, size) for i, size in zip(moved, shape, strict=True)]
    return tuple(ranged(i, 0, size - 1) for i, size in zip(moved, shape, strict=True)), [c for c in checks if c]


def within(index: Index, size: int) -> str:
    """The C++ condition that `index` is in range(size); empty when it always is."""
    checks = [f"{index.text} >= 0"] * (index.low < 0) + [f"{index.text} < {size}"] * (index.high >= size)
    return " && ".join(checks)
