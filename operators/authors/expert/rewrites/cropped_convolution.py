"""A convolution of which the first outputs are used does not compute the others, which a causal one has too many."""

from __future__ import annotations

from collections import Counter
from functools import partial

from operators.authors.expert.ir.graph import Graph, Node, TensorType
from operators.authors.expert.ir.ops import MAPS
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.rewrites.replay import changed, replay

_CONVOLUTIONS = ("conv", "conv_transpose")


def apply(graph: Graph) -> Graph | None:
    uses = Counter([i for node in graph.nodes for i in node.inputs] + [*graph.outputs, *graph.mutations.values()])
    return changed(graph, replay(graph, partial(_cropped, graph, uses)))


def _cropped(graph: Graph, uses: Counter[int], node: Node, inputs: list[Term]) -> Term | None:
    if node.op != "slice" or any(node.attrs["start"]) or any(step != 1 for step in node.attrs["step"]):
        return None
    if node.shape[:2] != graph[node.inputs[0]].shape[:2] or not _reaches(graph, uses, node.inputs[0]):
        return None
    return _first(inputs[0], node.shape)


def _reaches(graph: Graph, uses: Counter[int], node_id: int) -> bool:
    """Whether the node is a convolution, or elementwise work on one and on what is the same along its axes, and nobody
    else needs them."""
    node = graph[node_id]
    if uses[node_id] > 1 or node.op not in MAPS:
        return uses[node_id] == 1 and node.op in _CONVOLUTIONS
    whole = [i for i in node.inputs if graph[i].shape == node.shape]
    rest = [(1,) * len(node.shape) + graph[i].shape for i in node.inputs if i not in whole]
    same = all({*shape[2 - len(node.shape) :]} <= {1} for shape in rest)
    return same and len(whole) == 1 and _reaches(graph, uses, whole[0])


def _first(x: Term, shape: tuple[int, ...]) -> Term:
    """The first elements of `x`, by computing no others."""
    node, terms = x.terms.builder[x.id], x.terms
    operands = [terms.term(i) for i in node.inputs]
    if node.op in MAPS:
        operands = [_first(each, shape) if each.shape == x.shape else each for each in operands]
    return terms.add(node.op, operands, TensorType(x.dtype, shape), **node.attrs)
