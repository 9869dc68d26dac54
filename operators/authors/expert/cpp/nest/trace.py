"""A dry run over a nest: whether every value can be computed at its place, and the fewest loop variables for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from operators.authors.expert.cpp.expr import Emitter
from operators.authors.expert.cpp.index import Index
from operators.authors.expert.cpp.nest.analysis import Nest, analyse
from operators.authors.expert.cpp.nest.domain import Place, Space
from operators.authors.expert.ir.graph import Graph


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
    emitter = Emitter(nest.graph, nest.nodes, bound_rows(nest, "v{}".format))
    for r in nest.reductions:
        place, _ = nest.source_place(r)
        emitter.value(nest.graph[r].inputs[0], place)
        emitter.take_lines()
    for total in nest.totals:
        if total not in nest.space_of:
            emitter.value(nest.graph[total].inputs[0], nest.total_place(total))
            emitter.take_lines()
    for output in nest.outputs:
        if output not in nest.final:
            emitter.store(output, nest.output_place(output))
            emitter.take_lines()
    if nest.final_outputs:
        final_lines(nest, {})
    return emitter.positions


def final_lines(nest: Nest, reads: dict[int, None]) -> list[str]:
    """Statements that write what needs totals, `f<id>`."""
    bound = bound_rows(nest, "v{}".format)
    bound.update({t: (lambda index, t=t: f"f{t}") for t in nest.totals})
    emitter = Emitter(nest.graph, nest.nodes, bound, reads=reads)
    stores = [emitter.store(o, tuple(Index() for _ in nest.graph[o].shape)) for o in nest.final_outputs]
    return [*emitter.take_lines(), *stores]


def computed(nest: Nest) -> list[tuple[int, set[tuple[int, Place]]]]:
    """Pass by pass, the number of its space and the nodes that it computes, with their places."""
    passes: dict[tuple[int, int], set[tuple[int, Place]]] = {}
    depth = {r: d for d, level in enumerate(nest.levels) for r in level}
    jobs = [(depth[r], nest.space_of[r], nest.graph[r].inputs[0], nest.source_place(r)[0]) for r in depth]
    for output in nest.outputs:
        if nest.written_over[output] is not None:
            jobs.append((len(nest.levels), nest.written_over[output], output, nest.output_place(output)))
    for level, space, node, place in sorted(jobs, key=lambda job: job[:3]):
        emitter = Emitter(nest.graph, nest.nodes, bound_rows(nest, "v{}".format))
        emitter.value(node, place)
        passes.setdefault((level, space), set()).update(emitter.computed)
    return [(space, values) for (_, space), values in passes.items()]


def planned(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Nest:
    """The nest with as few loop variables as keep every index affine. Raises Unsupported."""
    return _planned(_Key(graph), nodes, outputs)


class _Key:
    """A graph as a cache key, by identity."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __hash__(self) -> int:
        return id(self.graph)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.graph is self.graph


@lru_cache(maxsize=256)
def _planned(key: _Key, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Nest:
    nest = analyse(key.graph, nodes, outputs)
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
