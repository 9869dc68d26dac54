"""Gather before computing: of log_softmax, a loss needs the targets' logits and the rows' sums, not the matrix."""

from __future__ import annotations

from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.ir.ops import MAPS
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.rewrites.replay import changed, replay


def apply(graph: Graph) -> Graph | None:
    return changed(graph, replay(graph, _early))


def _early(node: Node, inputs: list[Term]) -> Term | None:
    if node.op != "gather":
        return None
    data, index = inputs
    axis = node.attrs["axis"]
    same = all(a == axis or n == m for a, (n, m) in enumerate(zip(data.shape, index.shape, strict=True)))
    smaller = index.shape[axis] < data.shape[axis]
    return _pushed(data, index, axis) if data.op in MAPS and same and smaller else None


def _pushed(x: Term, index: Term, axis: int) -> Term:
    """`x` gathered; through elementwise ops, whose operands of size 1 along the axis are the same everywhere."""
    node = x.terms.builder[x.id]
    if node.op not in MAPS:
        return x.gather(index, axis)
    operands = []
    for term in (x.terms.term(i) for i in node.inputs):
        own = axis - x.rank + term.rank
        if own < 0 or term.shape[own] == 1:
            operands.append(term)
        else:
            operands.append(_pushed(term.broadcast(x.shape), index, axis))
    shape = tuple(index.shape[a] if a == axis else n for a, n in enumerate(x.shape))
    result = x.terms.add(node.op, operands, type(x.type)(x.dtype, _joined(operands, shape)), **node.attrs)
    return result.broadcast(shape)


def _joined(operands: list[Term], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that the operands broadcast to."""
    result = [1] * max(t.rank for t in operands)
    for term in operands:
        for a in range(1, term.rank + 1):
            result[-a] = max(result[-a], term.shape[-a])
    return tuple(result)
