"""Which operands of a product are zero on one side of a diagonal, as masks of iotas make them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from operators.authors.expert.ir.graph import Graph, GraphBuilder
from operators.authors.expert.ir.interpret import interpret
from operators.authors.expert.ir.ops import MAPS

_VIEWS = frozenset(["reshape", "permute", "broadcast"])
_LIMIT = 1 << 25  # elements of a mask that are worth looking at


@dataclass(frozen=True)
class Triangle:
    """Zero except at columns <= row + diagonal (lower), or >= (upper), in the last two axes."""

    lower: bool
    diagonal: int


def triangle(graph: Graph, node_id: int) -> Triangle | None:
    """The triangle outside of which `node_id` is zero wherever it is finite, or None."""
    node = graph[node_id]
    if node.op == "mul":
        masks = [mask for i in node.inputs if (mask := _constant(graph, i)) is not None]
        found = [_shape(mask, node.shape) for mask in masks] + [triangle(graph, i) for i in node.inputs]
        return next((t for t in found if t), None)
    if node.op == "where" and _is_zero(graph, node.inputs[2]):
        mask = _constant(graph, node.inputs[0])
        return (_shape(mask, node.shape) if mask is not None else None) or triangle(graph, node.inputs[1])
    if node.op == "where" and _is_zero(graph, node.inputs[1]):
        mask = _constant(graph, node.inputs[0])
        return (_shape(~mask, node.shape) if mask is not None else None) or triangle(graph, node.inputs[2])
    if node.op in ("cast", "neg", "div"):
        return triangle(graph, node.inputs[0])
    if node.op == "permute" and node.attrs["dims"][-2:] == (len(node.shape) - 1, len(node.shape) - 2):
        inner = triangle(graph, node.inputs[0])
        return inner and Triangle(not inner.lower, -inner.diagonal)
    return None


def _is_zero(graph: Graph, node_id: int) -> bool:
    node = graph[node_id]
    while node.op in ("broadcast", "cast"):
        node = graph[node.inputs[0]]
    return node.op == "const" and node.attrs["value"] == 0


def _shape(mask: torch.Tensor, shape: tuple[int, ...]) -> Triangle | None:
    """The triangle that `mask`, broadcast to `shape`, is non-zero in."""
    if len(shape) < 2 or (mask.dim() > 2 and max(mask.shape[:-2]) > 1):
        return None
    mask = (mask != 0).expand(torch.broadcast_shapes(mask.shape, shape[-2:])).reshape(shape[-2:])
    if not mask.any() or mask.all():
        return None
    rows, columns = mask.nonzero(as_tuple=True)
    offsets = columns - rows
    low, high = int(offsets.min()), int(offsets.max())
    if bool((mask == torch.ones(shape[-2:]).tril(high).bool()).all()):
        return Triangle(True, high)
    return Triangle(False, low) if bool((mask == torch.ones(shape[-2:]).triu(low).bool()).all()) else None


def _constant(graph: Graph, node_id: int) -> torch.Tensor | None:
    """The value of a node that follows from constants alone."""
    builder, new, stack = GraphBuilder(), {}, [node_id]
    needed: set[int] = set()
    while stack:
        node = graph[stack.pop()]
        if node.op not in MAPS | _VIEWS | {"const", "iota"} or node.type.numel > _LIMIT:
            return None
        needed.add(node.id)
        stack.extend(i for i in node.inputs if i not in needed)
    for i in sorted(needed):
        node = graph[i]
        new[i] = builder.add(node.op, (new[s] for s in node.inputs), node.type, **node.attrs)
    return interpret(builder.finish([new[node_id]]), [], {})[0]
