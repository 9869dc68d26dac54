"""Find out whether a mask leaves to each query only the keys up to its own position, whatever form it has."""

from __future__ import annotations

import torch

from operators.authors.expert.cpp.attention.pattern import Attention
from operators.authors.expert.ir.constants import constant_value, is_constant
from operators.authors.expert.ir.graph import Graph, Node


def causal_offset(graph: Graph, found: Attention) -> int | None:
    """`o` such that query i sees exactly the keys j <= i + o, if the mask is constant and of this form."""
    for node_id in sorted(found.inner):
        node = graph[node_id]
        hidden = _hidden(graph, node)
        if hidden is not None:
            offset = _offset(hidden)
            if offset is not None:
                return offset
    return None


def _hidden(graph: Graph, node: Node) -> torch.Tensor | None:
    """Where a node of the scores sets them to -inf, as a constant matrix [queries, keys]."""
    if node.op == "where":
        condition, then, otherwise = node.inputs
        mask = constant_value(graph, condition)
        if mask is not None and is_constant(graph, otherwise, float("-inf")):
            return ~_matrix(mask)
        return _matrix(mask) if mask is not None and is_constant(graph, then, float("-inf")) else None
    if node.op == "add":
        for each in node.inputs:
            added = constant_value(graph, each)
            if added is not None and added.ndim >= 2:
                return _matrix(added) == float("-inf")
    return None


def _offset(hidden: torch.Tensor) -> int | None:
    if hidden.ndim != 2:
        return None
    queries, keys = hidden.shape
    offset = int((~hidden[0]).sum()) - 1
    rows, columns = torch.arange(queries)[:, None], torch.arange(keys)[None, :]
    return offset if torch.equal(hidden, columns > rows + offset) and bool(hidden.any()) else None


def _matrix(mask: torch.Tensor) -> torch.Tensor:
    """The last two axes, where the others have one element."""
    return mask.reshape(mask.shape[-2:]) if mask.ndim >= 2 and mask.shape[:-2].numel() == 1 else mask.new_empty(0)
