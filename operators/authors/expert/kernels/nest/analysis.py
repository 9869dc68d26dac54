"""What a nest computes and in which order: reductions by level, and outputs of rows and of elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Protocol

from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.ir.ops import CONTRACTS, LIBRARY, REDUCES
from operators.authors.expert.kernels.expr import Unsupported
from operators.authors.expert.kernels.index import Index, linear, ranged, unravel
from operators.authors.expert.kernels.nest.domain import Place, Space, reduced_place, refined, rows_place
from operators.authors.expert.kernels.views import Check, within

REDUCTIONS = REDUCES | {"window"}


class Joint(Protocol):
    """The accumulator of two reductions that share a pass."""

    @property
    def reductions(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Nest:
    """The nodes of one nest on its loop variables. `spaces` are the insides of rows; an output's space is None when
    it has one element a row.
    """

    graph: Graph
    nodes: frozenset[int]
    outputs: tuple[int, ...]
    rows: Space
    spaces: tuple[Space, ...]
    space_of: Mapping[int, int]  # reduction to the number of the space that it reduces
    written_over: Mapping[int, int | None]  # output to the number of the space that it is written over
    totals: tuple[int, ...] = ()  # reductions to one number, over what each row contributes
    joint: Mapping[int, Joint] = field(default_factory=dict)  # either reduction to the pass that computes both

    @cached_property
    def reductions(self) -> list[int]:
        """What is reduced inside rows; of a total, the row's part."""
        return sorted(self.space_of)

    @cached_property
    def final(self) -> frozenset[int]:
        """Nodes that need a total: computed once, after all rows."""
        found = set(self.totals)
        for n in sorted(self.nodes):
            if any(i in found for i in self.graph[n].inputs):
                found.add(n)
        return frozenset(found)

    @cached_property
    def row_outputs(self) -> list[int]:
        return [o for o in self.outputs if o not in self.final and self.written_over[o] is None]

    @cached_property
    def final_outputs(self) -> list[int]:
        return [o for o in self.outputs if o in self.final]

    @cached_property
    def levels(self) -> list[list[int]]:
        """Reductions by depth: one only needs others of earlier levels. Of a joint pass, only the first."""
        depth: dict[int, int] = {}
        seconds = {r for r, pair in self.joint.items() if r == pair.reductions[1]}
        for n in sorted(self.nodes):
            below = max((depth.get(i, 0) for i in self.graph[n].inputs), default=0)
            depth[n] = depth[self.joint[n].reductions[0]] if n in seconds else below + (n in self.space_of)
        passes = [r for r in self.reductions if r not in seconds]
        return [[r for r in passes if depth[r] == d] for d in range(1, max(depth.values(), default=0) + 1)]

    def space(self, reduction: int) -> Space:
        return self.spaces[self.space_of[reduction]]

    def output_space(self, output: int) -> Space | None:
        number = self.written_over[output]
        return None if number is None else self.spaces[number]

    def source_place(self, reduction: int) -> tuple[Place, list[Check]]:
        """Where the element of a reduction's input lies, and the conditions under which there is one."""
        node, inner = self.graph[reduction], self.space(reduction)
        source = self.graph[node.inputs[0]]
        if node.op == "window":
            return _window_place(node, source, self.rows, inner)
        if reduction in self.totals:
            return self._element_place(reduction, source.shape), []
        return reduced_place(self.rows, inner, source.shape, reduced_axes(node)), []

    def total_place(self, total: int) -> Place:
        """Where a row's contribution to a total lies, when it has one element a row."""
        return rows_place(self.rows, self.graph[self.graph[total].inputs[0]].shape)

    def output_place(self, output: int) -> Place:
        shape, inner = self.graph[output].shape, self.output_space(output)
        if inner is None:
            return rows_place(self.rows, shape)
        return self._element_place(output, shape)

    def _element_place(self, node_id: int, shape: tuple[int, ...]) -> Place:
        """The current element in a tensor of as many elements as some reduction reads, or else row by row."""
        number = self.space_of.get(node_id, self.written_over.get(node_id))
        for r in self.reductions:
            source = self.graph[self.graph[r].inputs[0]]
            if r not in self.totals and self.space_of[r] == number and source.type.numel == prod(shape):
                return unravel(linear(self.source_place(r)[0], source.shape), shape)
        inner = self.spaces[number]
        return unravel(self.rows.position * inner.numel + inner.position, shape)

    def check_row(self, reduction: int, index: Place) -> None:
        """Raises Unsupported unless `index` of a reduction's result is the current row."""
        here = linear(index, self.graph[reduction].shape)
        if reduction in self.totals:
            raise Unsupported(f"total {reduction} is needed before all rows are done")
        if here != self.rows.position:
            raise Unsupported(f"reduction {reduction} is needed at {here.text}, not at its row")

    def with_joint(self, pairs: Iterable[Joint]) -> Nest:
        """The nest with one pass for each of these pairs of reductions."""
        return replace(self, joint={r: pair for pair in pairs for r in pair.reductions})

    def with_spaces(self, rows: Space, spaces: tuple[Space, ...]) -> Nest:
        return replace(self, rows=rows, spaces=spaces)


def reduced_axes(node: Node) -> tuple[int, ...]:
    return tuple(node.attrs["axes"]) if node.op == "reduce" else (node.attrs["axis"],)


def analyse(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Nest:
    """The nest of these nodes on the finest loop variables. Raises Unsupported when they do not share rows."""
    inside = frozenset(n for n in nodes if graph[n].op not in ("input", "state"))
    ops = {graph[n].op for n in inside}
    if ops & (CONTRACTS | LIBRARY | {"scan"}) or not outputs or any(graph[o].type.numel == 0 for o in outputs):
        raise Unsupported("not a nest")
    reductions = [n for n in sorted(inside) if graph[n].op in REDUCTIONS]
    totals = _totals(graph, reductions)
    by_rows = [r for r in reductions if r not in totals]
    anchor = max(by_rows, key=lambda r: graph[graph[r].inputs[0]].type.numel, default=None)
    rows = _rows(graph, inside, outputs, anchor)
    spaces: list[Space] = []
    space_of: dict[int, int] = {}

    def number(sizes: tuple[int, ...]) -> int:
        found = next((i for i, s in enumerate(spaces) if s.sizes == sizes), None)
        if found is None:
            spaces.append(Space("jklmnpqu"[len(spaces) % 8] + "_" * (len(spaces) // 8), sizes))
        return len(spaces) - 1 if found is None else found

    for r in sorted(by_rows, key=lambda r: r != anchor):
        if graph[r].type.numel != rows.numel:
            raise Unsupported(f"reduction {r} has other rows")
        space_of[r] = number(_inner_sizes(graph, inside, r))
    for t in totals:
        numel = graph[graph[t].inputs[0]].type.numel
        same = [r for r in by_rows if graph[r].op != "window" and graph[graph[r].inputs[0]].type.numel == numel]
        if numel != rows.numel and not same:
            raise Unsupported(f"total {t} is not over the rows")
        if numel != rows.numel:
            space_of[t] = space_of[same[0]]
    nest = Nest(graph, inside, tuple(outputs), rows, tuple(spaces), space_of, {}, tuple(totals))
    written: dict[int, int | None] = {}
    for o in outputs:
        if o in nest.final and graph[o].type.numel != 1:
            raise Unsupported(f"output {o} needs a total")
        written[o] = None if o in nest.final else _output_space(graph, o, rows, by_rows, space_of, number)
    return replace(nest, spaces=tuple(spaces), written_over=written)


def _totals(graph: Graph, reductions: list[int]) -> list[int]:
    """Reductions to one number beside, or of, reductions that have rows."""
    if all(graph[r].type.numel == 1 for r in reductions):
        return []
    return [r for r in reductions if graph[r].op == "reduce" and graph[r].type.numel == 1]


def _rows(graph: Graph, inside: frozenset[int], outputs: tuple[int, ...], anchor: int | None) -> Space:
    if anchor is None:
        shape = max((graph[o].shape for o in outputs), key=prod)
        return Space("r", _flat(refined(shape, _same_size(graph, inside, prod(shape)))))
    node = graph[anchor]
    if node.op == "window":
        return Space("r", _flat(refined(node.shape, _same_size(graph, inside, node.type.numel))))
    shape = graph[node.inputs[0]].shape
    axes = {a % len(shape) for a in reduced_axes(node)}
    parts = refined(shape, _same_size(graph, inside, prod(shape)))
    return Space("r", _flat(p for d, p in enumerate(parts) if d not in axes))


def _inner_sizes(graph: Graph, inside: frozenset[int], reduction: int) -> tuple[int, ...]:
    node = graph[reduction]
    if node.op == "window":
        return tuple(node.attrs["kernel"])
    shape = graph[node.inputs[0]].shape
    axes = {a % len(shape) for a in reduced_axes(node)}
    parts = refined(shape, _same_size(graph, inside, prod(shape)))
    return _flat(p for d, p in enumerate(parts) if d in axes)


def _output_space(
    graph: Graph,
    output: int,
    rows: Space,
    reductions: list[int],
    space_of: Mapping[int, int],
    number: Callable[[tuple[int, ...]], int],
) -> int | None:
    numel = graph[output].type.numel
    if numel == rows.numel:
        return None
    for r in reductions:
        if graph[r].op != "window" and graph[graph[r].inputs[0]].type.numel == numel:
            return space_of[r]
    if not reductions or numel % rows.numel:
        raise Unsupported(f"output {output} does not fit the rows")
    return number((numel // rows.numel,))


def _window_place(node: Node, source: Node, rows: Space, inner: Space) -> tuple[Place, list[Check]]:
    place, conditions = list(rows_place(rows, node.shape)), []
    offsets = unravel(inner.position, node.attrs["kernel"])
    first = len(source.shape) - len(offsets)
    settings = (node.attrs[k] for k in ("stride", "padding", "dilation"))
    for d, (offset, stride, padding, dilation) in enumerate(zip(offsets, *settings, strict=True), first):
        moved: Index = place[d] * stride + offset * dilation - padding
        conditions += within(moved, source.shape[d])
        place[d] = ranged(moved, 0, source.shape[d] - 1)
    return tuple(place), conditions


def _same_size(graph: Graph, inside: frozenset[int], numel: int) -> list[tuple[int, ...]]:
    """Shapes of as many elements among the nodes and what they read, in order of appearance."""
    near = sorted({*inside, *(i for n in inside for i in graph[n].inputs)})
    return list(dict.fromkeys(graph[n].shape for n in near if graph[n].type.numel == numel))


def _flat(parts: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(size for part in parts for size in part) or (1,)
