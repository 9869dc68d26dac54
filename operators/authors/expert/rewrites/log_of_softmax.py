"""The logarithm of a softmax without the quotient: log(exp(x - m) / s) = x - m - log(s).

What underflows in the quotient has minus infinity for its logarithm there, and what it has in exact arithmetic here.
"""

from __future__ import annotations

from operators.authors.expert.ir.graph import Graph, GraphBuilder, Node
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.rewrites.replay import changed, replay

_VIEWS = ("broadcast", "reshape")  # of a row's one number


def apply(graph: Graph) -> Graph | None:
    return changed(graph, replay(graph, _difference))


def _difference(node: Node, inputs: list[Term]) -> Term | None:
    if node.op != "log" or not node.dtype.is_float:
        return None
    nodes, term = inputs[0].terms.builder, inputs[0].terms.term
    quotient = nodes[inputs[0].id]
    if quotient.op != "div":
        return None
    top, total = (nodes[i] for i in quotient.inputs)
    if not _is_reduction(nodes, total, "sum", of=top.id) or top.op != "exp":
        return None
    below = nodes[top.inputs[0]]
    # Without the largest element taken off, quotients of infinities are NaN, and differences are not.
    if below.op != "sub" or not _is_reduction(nodes, nodes[below.inputs[1]], "max", of=below.inputs[0]):
        return None
    return term(below.id) - term(total.id).map("log")


def _is_reduction(nodes: GraphBuilder, node: Node, op: str, of: int) -> bool:
    while node.op in _VIEWS:
        node = nodes[node.inputs[0]]
    return node.op == "reduce" and node.attrs["op"] == op and node.inputs == (of,)
