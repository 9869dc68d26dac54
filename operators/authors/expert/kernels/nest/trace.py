"""A dry run over a nest: whether every value can be computed at its place, and the fewest loop variables for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.expr import Unsupported, Walk
from operators.authors.expert.kernels.index import Index
from operators.authors.expert.kernels.nest.analysis import Nest, analyse
from operators.authors.expert.kernels.nest.domain import Place, Space


class Trace(Walk):
    """Values without text: what counts is where they are read."""

    def literal(self, value: float | int | bool, dtype: DType) -> str:
        return ""

    def converted(self, text: str, source: DType, target: DType) -> str:
        return text

    def counted(self, node: Node, index: Place, position: Index) -> str:
        return self._named(node, index)

    def mapped(self, node: Node, index: Place, operands: list[str]) -> str:
        return self._named(node, index)

    def loaded(self, node: Node, index: Place, position: Index) -> str:
        return self._named(node, index)

    def subscript(self, text: str) -> str:
        return text

    def padded(self, node: Node, index: Place) -> str:
        return self.value(node.inputs[0], self.padding(node, index)[0])

    def concatenated(self, node: Node, index: Place) -> str:
        for source, inner, _ in self.parts(node, index):
            self.value(source, inner)
        return self._named(node, index)

    def _named(self, node: Node, index: Place) -> str:
        return f"n{node.id}[{', '.join(i.text for i in index)}]"


def bound_rows(nest: Nest, name: Callable[[int], str]) -> dict[int, Callable[[Place], str]]:
    """Reductions by name, wherever they are used at their own row."""

    def text(reduction: int) -> Callable[[Place], str]:
        def at(index: Place) -> str:
            nest.check_row(reduction, index)
            return name(reduction)

        return at

    return {r: text(r) for r in nest.reductions}


def positions(nest: Nest) -> list[Index]:
    """Every index that the nest's code depends on. Raises Unsupported when a value cannot be computed."""
    walk = Trace(nest.graph, nest.nodes, bound_rows(nest, "v{}".format))
    for r in nest.reductions:
        place, _ = nest.source_place(r)
        walk.value(nest.graph[r].inputs[0], place)
    for total in nest.totals:
        if total not in nest.space_of:
            walk.value(nest.graph[total].inputs[0], nest.total_place(total))
    for output in nest.outputs:
        if output not in nest.final:
            walk.value(output, nest.output_place(output))
            walk.stored_at(output, nest.output_place(output))
    final = Trace(nest.graph, nest.nodes, bound_final(nest, "v{}".format))
    for output in nest.final_outputs:
        final.value(output, final_place(nest, output))
    return walk.positions


def bound_final(nest: Nest, name: Callable[[int], str]) -> dict[int, Callable[[Place], str]]:
    """Reductions by name, and totals `f<id>`: what is known when all rows are done."""
    bound = bound_rows(nest, name)
    bound.update({t: (lambda index, t=t: f"f{t}") for t in nest.totals})
    return bound


def final_place(nest: Nest, output: int) -> Place:
    """The one element of an output that needs totals."""
    return tuple(Index() for _ in nest.graph[output].shape)


def computed(nest: Nest) -> list[tuple[int, set[tuple[int, Place]]]]:
    """Pass by pass, the number of its space and the nodes that it computes, with their places."""
    passes: dict[tuple[int, int], set[tuple[int, Place]]] = {}
    depth = {r: d for d, level in enumerate(nest.levels) for r in level}
    jobs = [(depth[r], nest.space_of[r], nest.graph[r].inputs[0], nest.source_place(r)[0]) for r in depth]
    for output in nest.outputs:
        if nest.written_over[output] is not None:
            jobs.append((len(nest.levels), nest.written_over[output], output, nest.output_place(output)))
    for level, space, node, place in sorted(jobs, key=lambda job: job[:3]):
        walk = Trace(nest.graph, nest.nodes, bound_rows(nest, "v{}".format))
        walk.value(node, place)
        passes.setdefault((level, space), set()).update(walk.computed)
    return [(space, values) for (_, space), values in passes.items()]


def planned(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Nest:
    """The nest with as few loop variables as keep every index affine. Raises Unsupported."""
    found = _tried(_Key(graph), nodes, outputs)
    if isinstance(found, Unsupported):
        raise Unsupported(*found.args)
    return found


class _Key:
    """A graph as a cache key, by identity."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __hash__(self) -> int:
        return id(self.graph)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.graph is self.graph


@lru_cache(maxsize=8192)  # a network of hundreds of nodes, cut by one rule after the other, asks the same again
def _tried(key: _Key, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Nest | Unsupported:
    try:
        return _planned(key.graph, nodes, outputs)
    except Unsupported as error:
        return Unsupported(*error.args)  # without a traceback, which would keep all that was tried


def _planned(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Nest:
    nest = analyse(graph, nodes, outputs)
    positions(nest)
    for number in range(-1, len(nest.spaces)):
        at = 0
        while at + 1 < len(_space(nest, number).sizes):
            merged = _merged(nest, number, at)
            if _affine(merged, _space(merged, number).names[at]):
                nest = merged
            else:
                at += 1
    return nest


def _space(nest: Nest, number: int) -> Space:
    return nest.rows if number < 0 else nest.spaces[number]


def _merged(nest: Nest, number: int, at: int) -> Nest:
    if number < 0:
        return nest.with_spaces(nest.rows.merged(at), nest.spaces)
    spaces = list(nest.spaces)
    spaces[number] = spaces[number].merged(at)
    return nest.with_spaces(nest.rows, tuple(spaces))


def _affine(nest: Nest, name: str) -> bool:
    return all(p.coefficient(name) is not None for p in positions(nest))
