"""A product with a single row or column is a sum: A @ b = sum_k A[:, k] * b[k]. Its work is to read the matrix, which a
reduction does at memory's speed, and fused with what is around it."""

from __future__ import annotations

from math import prod

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.rewrites.replay import changed, replay


def apply(graph: Graph) -> Graph | None:
    return changed(graph, replay(graph, _sum))


def _sum(node: Node, inputs: list[Term]) -> Term | None:
    # Of a batch it may be a query's scores: attention is known by its products.
    if node.op != "dot" or node.dtype not in (DType.F32, DType.F64) or prod(node.shape[:-2]) > 1:
        return None
    a, b = inputs
    if node.shape[-1] == 1:
        products = a * b.transpose(-1, -2)
        return products.reduce("sum", [products.rank - 1], True)
    if node.shape[-2] == 1:
        products = a.transpose(-1, -2) * b
        return products.reduce("sum", [products.rank - 2], True)
    return None
