"""Find out whether a mask leaves to each query only the keys up to its own position, whatever form it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from operators.authors.expert.ir.constants import constant_value, is_constant
from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.kernels.attention.pattern import Attention, batch_index
from operators.authors.expert.kernels.index import aligned, variable
from operators.authors.expert.kernels.positions import condition

_NEVER = float("-inf")


@dataclass(frozen=True)
class Causal:
    """Query i sees exactly the keys j <= i + offset: elsewhere `node` is -inf. There it equals its input `seen`, unless
    that is None."""

    node: int
    seen: int | None
    offset: int


def causal_mask(graph: Graph, found: Attention) -> Causal | None:
    """The causal mask among the scores, if there is a constant one."""
    for node in _hiding(graph, found):
        by_position = _by_position(graph, node, found)
        if by_position:
            return by_position
        for hidden, seen in _hidden(graph, node):
            offset = _offset(hidden) if hidden.shape == (found.out.shape[-2], found.scores.shape[-1]) else None
            if offset is not None:
                return Causal(node.id, seen, offset)
    return None


def _hiding(graph: Graph, found: Attention) -> Iterator[Node]:
    """Nodes from the scores back to their product: where one of them is -inf, so are the scores."""
    node = found.scores
    while node.id != found.logits.id:
        yield node
        before = [i for i in node.inputs if i in found.inner]
        if len(before) != 1 or not _keeps_hidden(graph, node, before[0]):
            return
        node = graph[before[0]]


def _keeps_hidden(graph: Graph, node: Node, source: int) -> bool:
    """Whether the node is -inf wherever its input `source`, which has the same rows and columns, is."""
    if node.op == "where":
        return any(is_constant(graph, i, _NEVER) for i in node.inputs[1:] if i != source)
    if node.op in ("mul", "div"):
        factor = constant_value(graph, node.inputs[1]) if node.inputs[0] == source else None
        return factor is not None and factor.numel() == 1 and float(factor) > 0
    if node.op in ("reshape", "broadcast"):
        return graph[source].shape[-2:] == node.shape[-2:]
    return node.op in ("add", "cast") or (node.op == "sub" and node.inputs[0] == source)


def _by_position(graph: Graph, node: Node, found: Attention) -> Causal | None:
    """A mask that compares positions, which may be too large to look at."""
    if node.op != "where" or node.shape[-2:] != (found.out.shape[-2], found.scores.shape[-1]):
        return None
    chosen, then, otherwise = node.inputs
    index = (*batch_index(node.shape[:-2]), variable("q", node.shape[-2]), variable("j", node.shape[-1]))
    above = condition(graph, chosen, aligned(index, graph[chosen].shape))
    if above is not None and is_constant(graph, then, _NEVER):
        above, then, otherwise = above * -1 - 1, otherwise, then
    if above is None or not is_constant(graph, otherwise, _NEVER):
        return None
    offset = above - index[-2] + index[-1]
    hides = offset.constant < node.shape[-1] - 1
    return Causal(node.id, then, offset.constant) if not offset.terms and hides else None


def _hidden(graph: Graph, node: Node) -> Iterator[tuple[torch.Tensor, int | None]]:
    """Where a node sets scores to -inf, as a constant matrix [queries, keys], and the input that it is elsewhere."""
    if node.op == "where":
        condition, then, otherwise = node.inputs
        mask = constant_value(graph, condition)
        if mask is not None and is_constant(graph, otherwise, _NEVER):
            yield ~_matrix(mask), then
        elif mask is not None and is_constant(graph, then, _NEVER):
            yield _matrix(mask), otherwise
    if node.op == "add":
        for each, other in (node.inputs, node.inputs[::-1]):
            added = constant_value(graph, each)
            if added is not None:
                yield _matrix(added) == _NEVER, other if bool(((added == 0) | (added == _NEVER)).all()) else None


def _offset(hidden: torch.Tensor) -> int | None:
    queries, keys = hidden.shape
    offset = int((~hidden[0]).sum()) - 1
    rows, columns = torch.arange(queries)[:, None], torch.arange(keys)[None, :]
    return offset if torch.equal(hidden, columns > rows + offset) and bool(hidden.any()) else None


def _matrix(mask: torch.Tensor) -> torch.Tensor:
    """The last two axes, where the others have one element."""
    return mask.reshape(mask.shape[-2:]) if mask.ndim >= 2 and mask.shape[:-2].numel() == 1 else mask.new_empty(0)
