"""Arithmetic of a nest that may be quick or rounded: decisions of its schedule, in every dialect of GPUs."""

from __future__ import annotations

from egg_search.core.knobs import Lever
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.views import PURE_VIEWS
from operators.authors.expert.plan import Decision

DIVISION, EXPONENTIAL = "quick_division", "quick_exponential"
_DIVISIONS = frozenset(["div", "reciprocal"])
_EXPONENTIALS = frozenset(["exp", "sigmoid"])
# Where the last bit of what is divided may decide on all of the result.
_STEPS = frozenset("floor ceil round trunc mod fmod floor_div argreduce".split())


def arithmetic(nest: Nest) -> list[Decision]:
    """Divisions are quick unless something steps after them; exponentials on request."""
    ops = {nest.graph[n].op for n in quick_nodes(nest)}
    steps = any(nest.graph[n].op in _STEPS or _cuts(nest.graph, nest.graph[n]) for n in nest.nodes)
    found = [Decision(DIVISION, Lever.PRECISION, int(not steps), (0, 1))] if ops & _DIVISIONS else []
    return found + ([Decision(EXPONENTIAL, Lever.PRECISION, 0, (0, 1))] if ops & _EXPONENTIALS else [])


def quick_nodes(nest: Nest) -> frozenset[int]:
    """What these decisions are about: of each element, not of each row, and not within a joint pass."""
    elements = nest.rows.numel * max((space.numel for space in nest.spaces), default=1)
    nodes = (nest.graph[n] for n in nest.nodes - _joined(nest))
    costly = (node for node in nodes if node.dtype is DType.F32 and node.op in _DIVISIONS | _EXPONENTIALS)
    return frozenset(node.id for node in costly if node.type.numel > max(1, elements // 2))


def _joined(nest: Nest) -> set[int]:
    """What only the joint passes of reductions compute."""
    needed, queue = set[int](), [*nest.outputs, *(r for r in nest.reductions if r not in nest.joint)]
    while queue:
        node = queue.pop()
        if node in nest.nodes and node not in needed:
            needed.add(node)
            pair = nest.joint.get(node)
            queue += nest.graph[node].inputs if pair is None else pair.first.inputs
    return set(nest.nodes) - needed


def arithmetic_facts(nest: Nest) -> dict[str, bool]:
    names = {decision.name for decision in arithmetic(nest)}
    return {"divides": DIVISION in names, "exponentials": EXPONENTIAL in names}


def divides_many(graph: Graph, node: Node) -> bool:
    """Whether one divisor serves many results: its reciprocal does, too."""
    divisor = graph[node.inputs[1]]
    while divisor.op in PURE_VIEWS:
        divisor = graph[divisor.inputs[0]]
    return divisor.type.numel < node.type.numel


def _cuts(graph: Graph, node: Node) -> bool:
    return node.op == "cast" and not node.dtype.is_float and graph[node.inputs[0]].dtype.is_float
