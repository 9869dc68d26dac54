"""What index of the input an index of a view reads."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.ir.constants import Nodes
from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.kernels.index import Index, aligned, linear, ranged, unravel

Part = tuple[tuple[Index, ...], "Check | None"]
PURE_VIEWS = frozenset(["reshape", "permute", "broadcast", "slice", "flip"])


def input_index(graph: Nodes, node: Node, index: tuple[Index, ...]) -> tuple[Index, ...]:
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


@dataclass(frozen=True)
class Check:
    """The condition `index sign bound`."""

    index: Index
    sign: str
    bound: int

    def written(self, slash: str) -> str:
        return f"{self.index.written(slash)} {self.sign} {self.bound}"


def padded_index(graph: Graph, node: Node, index: tuple[Index, ...]) -> tuple[tuple[Index, ...], list[Check]]:
    """For `pad`: the input's index, and the conditions under which the input is read at all."""
    shape, low = graph[node.inputs[0]].shape, node.attrs["low"]
    moved = tuple(i - before for i, before in zip(index, low, strict=True))
    checks = [check for i, size in zip(moved, shape, strict=True) for check in within(i, size)]
    return tuple(ranged(i, 0, size - 1) for i, size in zip(moved, shape, strict=True)), checks


def within(index: Index, size: int) -> list[Check]:
    """The conditions for `index` to be in range(size); none when it always is."""
    return [Check(index, ">=", 0)] * (index.low < 0) + [Check(index, "<", size)] * (index.high >= size)


def concatenated_part(index: tuple[Index, ...], axis: int, start: int, size: int) -> Part | None:
    """Where `index` of a concatenation lies in the part [start, start + size) of `axis`, and when: a condition that
    assumes that earlier parts were tested before, None for always. None when it never lies there."""
    here = index[axis]
    if here.high < start or here.low >= start + size:
        return None
    moved = ranged(here - start, 0, size - 1)
    check = Check(here, "<", start + size) if here.high >= start + size else None
    return (*index[:axis], moved, *index[axis + 1 :]), check
