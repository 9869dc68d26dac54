"""A product with a diagonal matrix is a scaling of rows or columns: diag(v) @ B = v[:, None] * B."""

from __future__ import annotations

import torch

from operators.authors.expert.ir.constants import Nodes, constant_value, is_constant
from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.kernels.index import aligned, variable
from operators.authors.expert.kernels.positions import equality
from operators.authors.expert.rewrites.replay import changed, replay


def apply(graph: Graph) -> Graph | None:
    return changed(graph, replay(graph, _scaling))


def _scaling(node: Node, inputs: list[Term]) -> Term | None:
    if node.op != "dot":
        return None
    a, b = inputs
    if (diagonal := _diagonal(a)) is not None:
        return (diagonal * b).broadcast(node.shape)
    if (diagonal := _diagonal(b)) is not None:
        return (a * diagonal.transpose(-1, -2)).broadcast(node.shape)
    return None


def _diagonal(x: Term) -> Term | None:
    """The diagonal of a matrix that is zero elsewhere by construction, as a column."""
    node, nodes = x.terms.builder[x.id], x.terms.builder
    if node.op != "where" or x.shape[-1] != x.shape[-2] or not is_constant(nodes, node.inputs[2], 0):
        return None
    if not _is_identity(nodes, node.inputs[0], x.shape):
        return None
    values = x.terms.term(node.inputs[1])
    values = values.reshape([1] * (2 - values.rank) + list(values.shape))
    if values.shape[-1] != 1:
        values = values.transpose(-1, -2)
    return values.broadcast([*values.shape[:-2], x.shape[-2], 1]) if values.shape[-1] == 1 else None


def _is_identity(nodes: Nodes, mask: int, shape: tuple[int, ...]) -> bool:
    """Whether `mask`, broadcast to square matrices of this shape, is true on their diagonals only."""
    index = tuple(variable(f"i{axis}", size) for axis, size in enumerate(shape))
    apart = equality(nodes, mask, aligned(index, nodes[mask].shape))
    if apart is not None:
        return apart in (index[-2] - index[-1], index[-1] - index[-2])
    value = constant_value(nodes, mask)
    return value is not None and torch.equal(value.expand(shape), torch.eye(shape[-1], dtype=torch.bool).expand(shape))
