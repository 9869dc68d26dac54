"""The walk from a value at an index down to loads from memory. A dialect's emitter says how each step is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.ops import MAPS
from operators.authors.expert.kernels.index import Index, aligned, linear, opaque
from operators.authors.expert.kernels.operands import operand_types
from operators.authors.expert.kernels.views import PURE_VIEWS, Check, concatenated_part, input_index, padded_index

Place = tuple[Index, ...]


class Unsupported(Exception):
    """This node cannot be computed where it is asked for."""


@dataclass
class Walk:
    """Values of the nodes of one kernel, as text.

    `inside` are the nodes computed in this kernel; any other is loaded from the parameter `in<id>`. `bound` gives the
    text of nodes whose value the code around already holds (a reduction's result, an accumulator) at an index; None
    says that it does not hold it there.
    """

    graph: Graph
    inside: Collection[int]
    bound: Mapping[int, Callable[[Place], str | None]] = field(default_factory=dict)
    reads: dict[int, None] = field(default_factory=dict)  # parameters that are read, in order of first use
    positions: list[Index] = field(default_factory=list)  # every index that the text depends on
    loads: list[tuple[int, Index]] = field(default_factory=list)  # elements of a parameter, position that is read
    _known: dict[tuple[int, Place], str] = field(default_factory=dict)

    def value(self, node_id: int, index: Place) -> str:
        """An expression without side effects, of the node's compute type. Raises Unsupported."""
        key = (node_id, index)
        if key not in self._known:
            self._known[key] = self._value(self.graph[node_id], index)
        return self._known[key]

    @property
    def computed(self) -> set[tuple[int, Place]]:
        """The values written in this scope."""
        return set(self._known)

    def stored_at(self, node_id: int, index: Place) -> Index:
        """The position in the parameter `out<id>` of a store at `index`."""
        position = linear(index, self.graph[node_id].shape)
        self.positions.append(position)
        return position

    def _value(self, node: Node, index: Place) -> str:
        held = self.bound[node.id](index) if node.id in self.bound else None
        if held is not None:
            return held
        if node.op == "const":
            return self.literal(node.attrs["value"], node.dtype)
        if node.op == "iota":
            return self.counted(node, index, self._used(index[node.attrs["axis"]]))
        if node.id not in self.inside:
            return self._load(node, index)
        if node.op in PURE_VIEWS:
            return self.value(node.inputs[0], input_index(self.graph, node, index))
        if node.op in MAPS:
            return self.mapped(node, index, self._operands(node, index))
        method = {"take": self._take, "gather": self._gather, "pad": self.padded, "concat": self.concatenated}
        if node.op not in method:
            raise Unsupported(f"node {node.id} ({node.op}) inside an expression")
        return method[node.op](node, index)

    def _operands(self, node: Node, index: Place) -> list[str]:
        types = operand_types(self.graph, node)
        return [self._operand(i, index, t) for i, t in zip(node.inputs, types, strict=True)]

    def _operand(self, node_id: int, index: Place, dtype: DType) -> str:
        source = self.graph[node_id]
        if source.op == "const" and source.dtype is not dtype and (dtype.is_float or not source.dtype.is_float):
            return self.literal(source.attrs["value"], dtype)
        return self.converted(self.value(node_id, aligned(index, source.shape)), source.dtype, dtype)

    def _load(self, node: Node, index: Place) -> str:
        self.reads[node.id] = None
        position = linear(index, node.shape)
        self.loads.append((node.type.numel, position))
        return self.loaded(node, index, self._used(position))

    def _used(self, index: Index) -> Index:
        self.positions.append(index)
        return index

    def _take(self, node: Node, index: Place) -> str:
        data, positions = (self.graph[i] for i in node.inputs)
        axis, rank = node.attrs["axis"], len(positions.shape)
        at = self._loaded_index(positions, index[axis : axis + rank], data.shape[axis])
        return self.value(data.id, (*index[:axis], at, *index[axis + rank :]))

    def _gather(self, node: Node, index: Place) -> str:
        data, positions = (self.graph[i] for i in node.inputs)
        axis = node.attrs["axis"]
        at = self._loaded_index(positions, index, data.shape[axis])
        return self.value(data.id, (*index[:axis], at, *index[axis + 1 :]))

    def _loaded_index(self, positions: Node, index: Place, size: int) -> Index:
        uses = frozenset().union(*(i.uses for i in index))
        return opaque(self.subscript(self.value(positions.id, index)), 0, size - 1, uses)

    def padding(self, node: Node, index: Place) -> tuple[Place, list[Check]]:
        """The index into a pad's input, and the conditions under which it is read."""
        inner, checks = padded_index(self.graph, node, index)
        if checks:
            self.positions.extend(index)
        return inner, checks

    def parts(self, node: Node, index: Place) -> Iterator[tuple[int, Place, Check | None]]:
        """Inputs of a concatenation that `index` may lie in: where, and when if no earlier part has it."""
        axis, start = node.attrs["axis"], 0
        for source in node.inputs:
            size = self.graph[source].shape[axis]
            part = concatenated_part(index, axis, start, size)
            start += size
            if part is not None:
                if part[1]:
                    self.positions.append(index[axis])
                yield source, *part

    # ---- how a dialect writes it

    def literal(self, value: float | int | bool, dtype: DType) -> str:
        raise NotImplementedError

    def converted(self, text: str, source: DType, target: DType) -> str:
        raise NotImplementedError

    def counted(self, node: Node, index: Place, position: Index) -> str:
        """`position` as a number of the node's type."""
        raise NotImplementedError

    def mapped(self, node: Node, index: Place, operands: list[str]) -> str:
        """A map of operands that are converted to `operand_types`."""
        raise NotImplementedError

    def loaded(self, node: Node, index: Place, position: Index) -> str:
        raise NotImplementedError

    def subscript(self, text: str) -> str:
        """A loaded integer as part of an index."""
        raise NotImplementedError

    def padded(self, node: Node, index: Place) -> str:
        raise NotImplementedError

    def concatenated(self, node: Node, index: Place) -> str:
        raise NotImplementedError
