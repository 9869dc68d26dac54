"""A chain of products in the cheaper order: (A @ B) @ C = A @ (B @ C)."""

from __future__ import annotations

from math import prod

from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.rewrites.replay import changed, replay

_WORTH = 0.75  # of the multiplications: less gain is not worth another rounding


def apply(graph: Graph) -> Graph | None:
    readers = graph.users()

    def visit(node: Node, inputs: list[Term]) -> Term | None:
        if node.op != "dot" or any(t.rank != 2 for t in inputs):
            return None
        a, b = inputs
        left, right = (graph[i] for i in node.inputs)
        if left.op == "dot" and len(readers[left.id]) == 1 and left.id not in graph.results:
            p, q = (a.terms.term(i) for i in a.terms.builder[a.id].inputs) if a.op == "dot" else (None, None)
            if p and _cost(q, b) + _cost(p, b) < _WORTH * (_cost(p, q) + _cost(a, b)):
                return p.dot(q.dot(b))
        if right.op == "dot" and len(readers[right.id]) == 1 and right.id not in graph.results:
            p, q = (a.terms.term(i) for i in b.terms.builder[b.id].inputs) if b.op == "dot" else (None, None)
            if p and _cost(a, p) + prod((a.shape[0], p.shape[1], q.shape[1])) < _WORTH * (_cost(p, q) + _cost(a, b)):
                return a.dot(p).dot(q)
        return None

    return changed(graph, replay(graph, visit))


def _cost(a: Term, b: Term) -> int:
    """Multiplications of a product with these outer sizes and `a`'s depth."""
    return a.shape[0] * a.shape[1] * b.shape[1]
