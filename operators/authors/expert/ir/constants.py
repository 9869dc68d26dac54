"""Nodes whose values follow from constants alone: masks made of indices, mostly."""

from __future__ import annotations

from typing import Protocol

import torch

from operators.authors.expert.ir.graph import GraphBuilder, Node
from operators.authors.expert.ir.interpret import interpret
from operators.authors.expert.ir.ops import MAPS

_FOLLOWS = MAPS | {"const", "iota", "reshape", "permute", "broadcast", "slice", "flip"}
_LARGEST = 1 << 25  # elements of a constant that is worth looking at


class Nodes(Protocol):
    """A Graph or a GraphBuilder."""

    def __getitem__(self, node_id: int, /) -> Node: ...


def constant_value(nodes: Nodes, node_id: int) -> torch.Tensor | None:
    """The value of a node that depends on no input and no state; None of any other, and of a very large one."""
    needed, stack = set(), [node_id]
    while stack:
        node = nodes[stack.pop()]
        if node.op not in _FOLLOWS or node.type.numel > _LARGEST:
            return None
        if node.id not in needed:
            needed.add(node.id)
            stack.extend(node.inputs)
    builder, new = GraphBuilder(), {}
    for each in sorted(needed):
        node = nodes[each]
        new[each] = builder.add(node.op, (new[i] for i in node.inputs), node.type, **node.attrs)
    return interpret(builder.finish([new[node_id]]), [], {})[0]


def is_constant(nodes: Nodes, node_id: int, number: float) -> bool:
    """Whether every element of a node is this number by construction."""
    node = nodes[node_id]
    while node.op in ("broadcast", "reshape", "cast"):
        node = nodes[node.inputs[0]]
    return node.op == "const" and node.attrs["value"] == number
