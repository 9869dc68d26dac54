"""What the finders of passes that may be joined share: steps through a graph of IR nodes."""

from __future__ import annotations

from operators.authors.expert.ir.graph import Node
from operators.authors.expert.kernels.nest.analysis import Nest


def behind_views(nest: Nest, node_id: int) -> Node:
    """The node of the nest that views only reshape or broadcast on the way to `node_id`."""
    node = nest.graph[node_id]
    while node.op in ("reshape", "broadcast") and node.id in nest.nodes:
        node = nest.graph[node.inputs[0]]
    return node


def constant(nest: Nest, node_id: int) -> float | None:
    """The value of a scalar constant, else None."""
    node = behind_views(nest, node_id)
    return float(node.attrs["value"]) if node.op == "const" else None


def reductions(nest: Nest, op: str) -> list[Node]:
    """Reductions of rows by `op`, in float."""
    nodes = (nest.graph[r] for r in nest.reductions if r not in nest.totals)
    return [n for n in nodes if n.op == "reduce" and n.attrs["op"] == op and n.dtype.is_float and n.dtype.bytes >= 4]


def over_the_same(nest: Nest, first: Node, second: Node) -> bool:
    """Whether two reductions read their inputs element by element together."""
    shapes = (nest.graph[n.inputs[0]].shape for n in (first, second))
    return len(set(shapes)) == 1 and set(first.attrs["axes"]) == set(second.attrs["axes"])
