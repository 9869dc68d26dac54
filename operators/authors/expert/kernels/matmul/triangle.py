"""Which operands of a product are zero on one side of a diagonal, as masks of iotas make them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from operators.authors.expert.ir.constants import constant_value, is_constant
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.index import Index, aligned, variable
from operators.authors.expert.kernels.positions import condition


@dataclass(frozen=True)
class Triangle:
    """Zero except at columns <= row + diagonal (lower), or >= (upper), in the last two axes."""

    lower: bool
    diagonal: int


def triangle(graph: Graph, node_id: int) -> Triangle | None:
    """The triangle outside of which `node_id` is zero wherever it is finite, or None."""
    node = graph[node_id]
    if node.op == "mul":
        found = [_kept(graph, i, node.shape) for i in node.inputs] + [triangle(graph, i) for i in node.inputs]
        return next((t for t in found if t), None)
    if node.op == "where" and is_constant(graph, node.inputs[2], 0):
        return _kept(graph, node.inputs[0], node.shape) or triangle(graph, node.inputs[1])
    if node.op == "where" and is_constant(graph, node.inputs[1], 0):
        return _kept(graph, node.inputs[0], node.shape, where=False) or triangle(graph, node.inputs[2])
    if node.op in ("cast", "neg", "div"):
        return triangle(graph, node.inputs[0])
    if node.op == "permute" and node.attrs["dims"][-2:] == (len(node.shape) - 1, len(node.shape) - 2):
        inner = triangle(graph, node.inputs[0])
        return inner and Triangle(not inner.lower, -inner.diagonal)
    return None


def _kept(graph: Graph, mask: int, shape: tuple[int, ...], *, where: bool = True) -> Triangle | None:
    """The triangle in which the node `mask`, broadcast to `shape`, is `where`."""
    if len(shape) < 2:
        return None
    index = tuple(variable(f"i{axis}", size) for axis, size in enumerate(shape))
    above = condition(graph, mask, aligned(index, graph[mask].shape))
    if above is not None:
        return _side(above if where else above * -1 - 1, index[-2], index[-1], shape)
    value = constant_value(graph, mask)
    return None if value is None else _shape(value if where else ~value, shape)


def _side(above: Index, row: Index, column: Index, shape: tuple[int, ...]) -> Triangle | None:
    """Where `above` is not negative; None unless that is one side of a diagonal, and neither nothing nor all."""
    if above.high < 0 or above.low >= 0:
        return None
    lower, upper = above - row + column, above - column + row
    if not lower.terms:
        return Triangle(True, lower.constant)
    return None if upper.terms else Triangle(False, -upper.constant)


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
