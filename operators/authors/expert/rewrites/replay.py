"""Rebuilding a graph node by node, with a chance to put something else in a node's place."""

from __future__ import annotations

from collections.abc import Callable

from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.ir.terms import Term, Terms

# Given a node of the old graph and its inputs in the new one: what takes its place, or None for a copy.
Visit = Callable[[Node, list[Term]], Term | None]


def replay(graph: Graph, visit: Visit = lambda node, inputs: None) -> Graph:
    """The new graph, simplified on the way, without what no result needs. Results keep their types."""
    terms = Terms()
    new: dict[int, Term] = {}
    for node in graph.nodes:
        inputs = [new[i] for i in node.inputs]
        made = visit(node, inputs) if inputs else None
        new[node.id] = made or terms.add(node.op, inputs, node.type, **node.attrs)
        assert new[node.id].type == node.type, f"node {node.id} {node.op} became {new[node.id].type}"
    mutations = {name: new[i].id for name, i in graph.mutations.items()}
    return terms.builder.finish((new[i].id for i in graph.outputs), graph.form, mutations)


def changed(before: Graph, after: Graph) -> Graph | None:
    """`after`, or None when it says the same as `before`."""
    return None if after == before else after
