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
# Where the last bit of a quotient may decide on all of the result. (No sign is changed: comparing with 0 is safe.)
_STEPS = frozenset("floor ceil round trunc mod fmod floor_div argreduce".split())
_COMPARISONS = frozenset("eq ne lt le gt ge".split())


def arithmetic(nest: Nest) -> list[Decision]:
    """Divisions are quick unless something steps behind them; exponentials on request."""
    ops = {nest.graph[n].op for n in quick_nodes(nest)}
    steps = any(_steps(nest.graph, nest.graph[n]) for n in _behind(nest, _DIVISIONS))
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


def quick_function(graph: Graph, node: Node) -> tuple[str, str]:
    """The function of the preludes for one of `quick_nodes`, and the constant that says how exact it is."""
    if node.op in _EXPONENTIALS:
        return f"k_{node.op}_by", EXPONENTIAL.upper()
    return f"k_divide{_divisor(graph, node) if node.op == 'div' else ''}", DIVISION.upper()


def _divisor(graph: Graph, node: Node) -> str:
    """What a quotient's function is called after: "_by" where an ordinary number divides, "_many" where one divisor
    serves many results, so that its reciprocal does, too."""
    source = graph[node.inputs[1]]
    while source.op in PURE_VIEWS:
        source = graph[source.inputs[0]]
    if source.op == "const":
        return "_by" if 2.0**-100 < abs(source.attrs["value"]) < 2.0**100 else ""
    return "_many" if source.type.numel < node.type.numel else ""


def _behind(nest: Nest, ops: frozenset[str]) -> set[int]:
    """The nodes that depend on one of `ops`."""
    found = set[int]()
    for n in sorted(nest.nodes):
        if any(i in found or (i in nest.nodes and nest.graph[i].op in ops) for i in nest.graph[n].inputs):
            found.add(n)
    return found


def _steps(graph: Graph, node: Node) -> bool:
    inputs = [graph[i] for i in node.inputs]
    if node.op in _COMPARISONS:
        return not any(each.op == "const" and each.attrs["value"] == 0 for each in inputs)
    return node.op in _STEPS or (node.op == "cast" and not node.dtype.is_float and inputs[0].dtype.is_float)
