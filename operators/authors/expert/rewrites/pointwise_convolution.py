"""A convolution with a kernel of one element is a product of matrices over the channels."""

from __future__ import annotations

from math import prod

from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.rewrites.replay import changed, replay


def apply(graph: Graph) -> Graph | None:
    return changed(graph, replay(graph, _product))


def _product(node: Node, inputs: list[Term]) -> Term | None:
    if node.op != "conv":
        return None
    x, weight = inputs
    plain = node.attrs["groups"] == 1 and set(weight.shape[2:]) == {1} == set(node.attrs["stride"])
    if not plain or any(node.attrs["padding"]):
        return None
    for axis, size in enumerate(node.shape[2:], 2):
        x = x.slice(axis, 0, size)  # where not all outputs are computed
    pixels = x.reshape([*x.shape[:2], prod(x.shape[2:])])
    return weight.reshape(weight.shape[:2]).dot(pixels).reshape(node.shape)
