"""Recognise attention: a product of a softmax over a product's rows with values."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.ir.constants import is_constant
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.ops import MAPS
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import aligned, variable
from operators.authors.expert.kernels.views import PURE_VIEWS, input_index


@dataclass(frozen=True)
class Attention:
    """`out` = softmax(`scores`, last axis) @ v, where `scores` is elementwise in the product `logits` = q @ k.

    `place` is the index of `scores` that belongs to the index (*batch, q, j) of the weights that `out` multiplies.
    `zeros` says that a row of scores that are all -inf has weights of zero, not NaN. Products may be of any float type,
    the softmax between is of float32; weights are cast to the type of the values.
    """

    out: Node
    scores: Node
    place: Place
    logits: Node
    zeros: bool
    inner: frozenset[int]  # nodes from `logits` to `out`, both included, without what they read

    @property
    def batch(self) -> tuple[int, ...]:
        return self.out.shape[:-2]

    def sizes(self, graph: Graph) -> dict[str, int]:
        """Lengths: queries, keys, depth of a score, width of a value."""
        depth = graph[self.logits.inputs[0]].shape[-1]
        return {"q": self.out.shape[-2], "kv": self.scores.shape[-1], "depth": depth, "d": self.out.shape[-1]}


def batch_index(shape: tuple[int, ...]) -> Place:
    """Loop variables b0, b1, ... over the batch axes."""
    return tuple(variable(f"b{i}", size) for i, size in enumerate(shape))


def find_attention(graph: Graph, out: Node) -> Attention | None:
    """The attention whose last product is `out`, or None."""
    if out.op != "dot":
        return None
    weights = graph[out.inputs[0]]
    if weights.shape[-1] < 2:
        return None
    index = (*batch_index(out.shape[:-2]), variable("q", out.shape[-2]), variable("j", weights.shape[-1]))
    node, place, inner = _through(graph, weights, aligned(index, weights.shape))
    softmax, guard = _guarded(graph, node)
    scores, softmax_nodes = _softmax(graph, softmax)
    if scores is None or scores.dtype is not DType.F32 or not place or place[-1] != index[-1]:
        return None
    found: set[int] = set()
    logits = _only_product(graph, scores, found)
    if logits is None:
        return None
    inner = frozenset({out.id} | inner | guard | softmax_nodes | found)
    return Attention(out, scores, place, logits, bool(guard), inner)


def _through(graph: Graph, node: Node, place: Place) -> tuple[Node, Place, set[int]]:
    """What `node` is a view or a cast of, the index there, and the nodes passed."""
    passed = set()
    while node.op in PURE_VIEWS or node.op == "cast":
        passed.add(node.id)
        place = place if node.op == "cast" else input_index(graph, node, place)
        node = graph[node.inputs[0]]
    return node, place, passed


def _guarded(graph: Graph, node: Node) -> tuple[Node, set[int]]:
    """The softmax inside `where(largest == -inf, 0, softmax)`, and the guard's nodes; else `node` as it is."""
    if node.op != "where" or not is_constant(graph, node.inputs[1], 0):
        return node, set()
    empty, softmax = graph[node.inputs[0]], graph[node.inputs[2]]
    scores, _ = _softmax(graph, softmax)
    if scores is None or empty.op != "eq" or not is_constant(graph, empty.inputs[1], float("-inf")):
        return node, set()
    top = graph[empty.inputs[0]]
    return (softmax, {node.id, empty.id}) if _reduces_last(top, "max", scores) else (node, set())


def _softmax(graph: Graph, node: Node) -> tuple[Node | None, set[int]]:
    """What `node` is the softmax of over its last axis, and the nodes in between."""
    if node.op != "div":
        return None, set()
    power, total = (graph[i] for i in node.inputs)
    if power.op != "exp" or not _reduces_last(total, "sum", power):
        return None, set()
    shifted = graph[power.inputs[0]]
    if shifted.op != "sub":
        return None, set()
    scores, top = (graph[i] for i in shifted.inputs)
    if not _reduces_last(top, "max", scores):
        return None, set()
    return scores, {node.id, power.id, total.id, shifted.id, top.id}


def _reduces_last(node: Node, op: str, source: Node) -> bool:
    last = (len(source.shape) - 1,)
    return node.op == "reduce" and node.attrs["op"] == op and node.attrs["axes"] == last and node.inputs == (source.id,)


def _only_product(graph: Graph, scores: Node, found: set[int]) -> Node | None:
    """The one product that `scores` is computed from by maps and views; they are added to `found`."""
    products, stack = set(), [scores.id]
    while stack:
        node = graph[stack.pop()]
        if node.id in found:
            continue
        if node.op == "dot":
            products.add(node.id)
            found.add(node.id)
        elif node.op in MAPS | PURE_VIEWS:
            found.add(node.id)
            stack.extend(node.inputs)
    if len(products) != 1:
        return None
    product = graph[products.pop()]
    found &= _between(graph, product.id, scores.id) | {product.id}
    return product


def _between(graph: Graph, start: int, end: int) -> set[int]:
    """Nodes on a path from `start` to `end`."""
    reached = {start}
    for node in graph.nodes[start + 1 : end + 1]:
        if any(i in reached for i in node.inputs):
            reached.add(node.id)
    return reached
