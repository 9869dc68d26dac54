"""A sum over a product's rows or columns is a matrix-vector product: sum_n (A @ B)[m, n] = A @ (sum_n B[:, n]).

The sum moves through what is linear on the way: additions, factors that do not vary along the axis, views.
"""

from __future__ import annotations

from functools import partial

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.terms import Term
from operators.authors.expert.rewrites.replay import changed, replay


def apply(graph: Graph) -> Graph | None:
    """Sum by sum, where that leaves less to multiply: a product that something else needs too stays as it is."""
    best, position = graph, 0
    while position < len(best.nodes):
        node, position = best[position], position + 1
        if _is_sum(node) and _reaches(best, node):
            after = replay(best, partial(_moved, node.id))
            if _multiplications(after) < _multiplications(best):
                best, position = after, 1
    return changed(graph, best)


def _moved(position: int, node: Node, inputs: list[Term]) -> Term | None:
    """The sum at `position`, moved into a product."""
    if node.id != position:
        return None
    result, moved = inputs[0], False
    for axis in sorted(node.attrs["axes"], reverse=True):
        inner = _into_product(result, axis - result.rank)
        moved |= inner is not None
        result = result.reduce("sum", [axis], True) if inner is None else inner
    return result if moved else None


def _is_sum(node: Node) -> bool:
    return node.op == "reduce" and node.attrs["op"] == "sum" and node.dtype in (DType.F32, DType.F64)


def _reaches(graph: Graph, total: Node) -> bool:
    """Whether a product lies behind `total` with nothing before it that no sum moves through."""
    stack, seen = [*total.inputs], set()
    while stack:
        node = graph[stack.pop()]
        if node.op == "dot":
            return True
        if node.op in _RULES and node.id not in seen:
            seen.add(node.id)
            stack.extend(node.inputs)
    return False


def _multiplications(graph: Graph) -> int:
    """Of all products."""
    dots = (node for node in graph.nodes if node.op == "dot")
    return sum(node.type.numel * graph[node.inputs[0]].shape[-1] for node in dots)


def _into_product(x: Term, axis: int) -> Term | None:
    """The sum of `x` along `axis` (from the end, kept as size 1) with the sum moved into a product, else None."""
    if -axis > x.rank or x.shape[axis] == 1:
        return None
    node = x.terms.builder[x.id]
    rule = _RULES.get(node.op)
    return rule(x, [x.terms.term(i) for i in node.inputs], axis) if rule else None


def _dot(x: Term, inputs: list[Term], axis: int) -> Term | None:
    a, b = inputs
    if axis == -1:
        return a.dot(b.reduce("sum", [-1], True))
    return a.reduce("sum", [-2], True).dot(b) if axis == -2 else None


def _add(x: Term, inputs: list[Term], axis: int) -> Term | None:
    """At least one side holds a product; the other is summed where it is."""
    moved = [_into_product(each, axis) for each in inputs]
    if moved == [None, None]:
        return None
    sums = [_summed(each, axis, x.shape[axis]) if m is None else m for each, m in zip(inputs, moved, strict=True)]
    kept = [1 if a - x.rank == axis else n for a, n in enumerate(x.shape)]
    return sums[0].map(x.op, sums[1]).broadcast(kept)


def _summed(x: Term, axis: int, size: int) -> Term:
    return x * float(size) if _constant_along(x, axis) else x.reduce("sum", [axis], True)


def _constant_along(x: Term, axis: int) -> bool:
    return -axis > x.rank or x.shape[axis] == 1


def _factor(x: Term, inputs: list[Term], axis: int) -> Term | None:
    a, b = inputs
    if _constant_along(b, axis) and not _constant_along(a, axis):
        moved = _into_product(a, axis)
        return None if moved is None else moved.map(x.op, b)
    if x.op == "mul" and _constant_along(a, axis):
        moved = _into_product(b, axis)
        return None if moved is None else a * moved
    return None


def _neg(x: Term, inputs: list[Term], axis: int) -> Term | None:
    moved = _into_product(inputs[0], axis)
    return None if moved is None else -moved


def _reshape(x: Term, inputs: list[Term], axis: int) -> Term | None:
    """Where the axis and all after it stay as they are."""
    (source,) = inputs
    if source.rank < -axis or source.shape[axis:] != x.shape[axis:]:
        return None
    moved = _into_product(source, axis)
    return None if moved is None else moved.reshape([1 if a - x.rank == axis else n for a, n in enumerate(x.shape)])


def _permute(x: Term, inputs: list[Term], axis: int) -> Term | None:
    dims = x.terms.builder[x.id].attrs["dims"]
    moved = _into_product(inputs[0], dims[axis] - x.rank)
    return None if moved is None else moved.permute(dims)


_RULES = {
    "dot": _dot,
    "add": _add,
    "sub": _add,
    "mul": _factor,
    "div": _factor,
    "neg": _neg,
    "reshape": _reshape,
    "permute": _permute,
}
