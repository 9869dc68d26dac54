"""Which values are, as torch makes them, not tensors of their own but views of an argument, parameter or buffer."""

from __future__ import annotations

from typing import Protocol

import torch

from operators.authors.expert.ir.graph import Node
from operators.authors.expert.ir.torch_call import torch_expression

_MAYBE = frozenset(["reshape", "permute", "broadcast", "slice"])


class Nodes(Protocol):
    """A Graph or a GraphBuilder."""

    def __getitem__(self, node_id: int, /) -> Node: ...


def shares_memory(nodes: Nodes, node_id: int) -> bool:
    """Whether torch's own views lead from a dense `input` or `state` to this node without a copy on the way."""
    chain, node = [], nodes[node_id]
    while node.op in _MAYBE:
        chain.append(node)
        node = nodes[node.inputs[0]]
    if node.op not in ("input", "state"):
        return False
    base = value = torch.empty(node.shape, device="meta")
    for node in reversed(chain):
        value = eval(torch_expression(nodes, node, {node.inputs[0]: "value"}), {"value": value})
    return value is base or value._base is base
