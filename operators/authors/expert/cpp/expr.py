"""Values of nodes as C++ scalar expressions: from an index of a node down to loads from memory.

Independent of how the loops around are built. A kernel's generator asks for `value(node, index)` and puts `lines`,
the temporaries that the expression needs, before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.cpp.dtypes import COMPUTE, STORAGE, converted, literal, loaded, stored
from operators.authors.expert.cpp.index import Index, aligned, linear, opaque, ranged
from operators.authors.expert.cpp.maps import map_text, operand_types
from operators.authors.expert.cpp.views import PURE_VIEWS, input_index, padded_index
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.ops import MAPS

Place = tuple[Index, ...]


class Unsupported(Exception):
    """This node cannot be computed where it is asked for."""


@dataclass
class Scope:
    """A place outside the innermost loop where values that only depend on `variables` are computed once.

    With `lane` set, values are kept in arrays, one element a lane (`lane` is the subscript).
    """

    variables: frozenset[str]
    lane: str = ""
    lines: list[str] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)  # declarations


@dataclass
class Emitter:
    """Writes the values of nodes of one kernel.

    `inside` are the nodes computed in this kernel; any other is loaded from the parameter `in<id>`. `bound` gives the
    text of nodes whose value the loops around already hold (a reduction's result, an accumulator) at an index; None
    says that they do not hold it there.
    `scopes`, outermost first, take what does not depend on the innermost loop; without them all goes to `lines`.
    """

    graph: Graph
    inside: Collection[int]
    bound: Mapping[int, Callable[[Place], str | None]] = field(default_factory=dict)
    prefix: str = "t"
    scopes: Sequence[Scope] = ()
    lines: list[str] = field(default_factory=list)
    reads: dict[int, None] = field(default_factory=dict)  # parameters that are read, in order of first use
    positions: list[Index] = field(default_factory=list)  # every index that the text depends on
    loads: list[tuple[int, Index]] = field(default_factory=list)  # elements of a parameter, position that is read
    _known: dict[tuple[int, Place], str] = field(default_factory=dict)
    _count: int = 0
    _guards: int = 0  # how many conditions enclose what is being written

    def value(self, node_id: int, index: Place) -> str:
        """A C++ expression without side effects, of the node's compute type. Raises Unsupported."""
        key = (node_id, index)
        if key not in self._known:
            self._known[key] = self._value(self.graph[node_id], index)
        return self._known[key]

    def store(self, node_id: int, index: Place) -> str:
        """The statement that writes the node's value at `index` to the parameter `out<id>`."""
        node = self.graph[node_id]
        text = stored(self.value(node_id, index), node.dtype, node.dtype)
        position = linear(index, node.shape)
        self.positions.append(position)
        return f"out{node_id}[{position.text}] = {text};"

    @property
    def computed(self) -> set[tuple[int, Place]]:
        """The values written in this scope."""
        return set(self._known)

    def take_lines(self) -> list[str]:
        """The temporaries written so far; the next value starts a new scope."""
        lines, self.lines, self._known = self.lines, [], {}
        return lines

    def _value(self, node: Node, index: Place) -> str:
        held = self.bound[node.id](index) if node.id in self.bound else None
        if held is not None:
            return held
        if node.op == "const":
            return literal(node.attrs["value"], node.dtype)
        if node.op == "iota":
            return self._temporary(node, index, f"({COMPUTE[node.dtype]}){self._position(index[node.attrs['axis']])}")
        if node.id not in self.inside:
            return self._load(node, index)
        if node.op in PURE_VIEWS:
            return self.value(node.inputs[0], input_index(self.graph, node, index))
        if node.op in MAPS:
            return self._temporary(node, index, map_text(self.graph, node, self._operands(node, index)))
        method = getattr(self, f"_{node.op}", None)
        if method is None:
            raise Unsupported(f"node {node.id} ({node.op}) inside an expression")
        return method(node, index)

    def _operands(self, node: Node, index: Place) -> list[str]:
        types = operand_types(self.graph, node)
        return [self._operand(i, index, t) for i, t in zip(node.inputs, types, strict=True)]

    def _operand(self, node_id: int, index: Place, dtype: DType) -> str:
        source = self.graph[node_id]
        if source.op == "const" and source.dtype is not dtype and (dtype.is_float or not source.dtype.is_float):
            return literal(source.attrs["value"], dtype)
        text = self.value(node_id, aligned(index, source.shape))
        return converted(text, source.dtype, dtype) if source.dtype is not dtype else text

    def _load(self, node: Node, index: Place) -> str:
        self.reads[node.id] = None
        self.loads.append((node.type.numel, linear(index, node.shape)))
        access = f"in{node.id}[{self._position(self.loads[-1][1])}]"
        return self._temporary(node, index, loaded(access, node.dtype))

    def _position(self, index: Index) -> str:
        self.positions.append(index)
        return index.text

    def _name(self) -> str:
        self._count += 1
        return f"{self.prefix}{self._count}"

    def _temporary(self, node: Node, index: Place, text: str) -> str:
        name, kind = self._name(), COMPUTE[node.dtype]
        uses = frozenset().union(*(i.uses for i in index))
        scope = next((s for s in self.scopes if uses <= s.variables and not self._guards), None)
        if scope is not None and scope.lane:
            scope.arrays.append(f"{kind} {name}[LANES];")
            scope.lines.append(f"{name}[{scope.lane}] = {text};")
            return f"{name}[{scope.lane}]"
        (self.lines if scope is None else scope.lines).append(f"const {kind} {name} = {text};")
        return name

    def _guarded(self, name: str, conditions: Iterable[str], node_id: int, index: Place, dtype: DType) -> str:
        """The statement `if (conditions) name = value`, whose temporaries stay in its block."""
        outer_lines, outer_known = self.lines, dict(self._known)
        self.lines, self._guards = [], self._guards + 1
        value = converted(self.value(node_id, index), self.graph[node_id].dtype, dtype)
        body = " ".join([*self.lines, f"{name} = {value};"])
        self.lines, self._known, self._guards = outer_lines, outer_known, self._guards - 1
        condition = " && ".join(c for c in conditions if c)
        return f"if ({condition}) {{ {body} }}" if condition else f"{{ {body} }}"

    def _pad(self, node: Node, index: Place) -> str:
        inner, conditions = padded_index(self.graph, node, index)
        if not conditions:
            return self.value(node.inputs[0], inner)
        self.positions.extend(index)
        name = self._name()
        guarded = self._guarded(name, conditions, node.inputs[0], inner, node.dtype)
        outside = literal(node.attrs["value"], node.dtype)
        self.lines += [f"{COMPUTE[node.dtype]} {name} = {outside};", guarded]
        return name

    def _concat(self, node: Node, index: Place) -> str:
        axis, name, branches, start = node.attrs["axis"], self._name(), [], 0
        for source in node.inputs:
            size = self.graph[source].shape[axis]
            part = _part(index, axis, start, size)
            start += size
            if part is None:
                continue
            inner, condition = part
            if condition:
                self.positions.append(index[axis])
            branches.append(self._guarded(name, [condition], source, inner, node.dtype))
        self.lines += [f"{COMPUTE[node.dtype]} {name};", " else ".join(branches)]
        return name

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
        return opaque(f"(long){self.value(positions.id, index)}", 0, size - 1, uses)


def _part(index: Place, axis: int, start: int, size: int) -> tuple[Place, str] | None:
    """Where `index` of a concatenation lies in the part [start, start + size), and the C++ condition that it does.

    The condition assumes that earlier parts were tested before. None when it never does.
    """
    here = index[axis]
    if here.high < start or here.low >= start + size:
        return None
    moved = ranged(here - start, 0, size - 1)
    condition = f"{here.text} < {start + size}" if here.high >= start + size else ""
    return (*index[:axis], moved, *index[axis + 1 :]), condition


def parameters(graph: Graph, reads: Iterable[int], writes: Iterable[int]) -> str:
    """The parameter list of a kernel: `in<id>` for what it reads, `out<id>` for what it writes."""
    ins = [f"const {STORAGE[graph[i].dtype]}* __restrict in{i}" for i in reads]
    outs = [f"{STORAGE[graph[i].dtype]}* __restrict out{i}" for i in writes]
    return ", ".join(ins + outs)
