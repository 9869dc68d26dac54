"""Values of nodes as C++ scalar expressions: from an index of a node down to loads from memory.

Independent of how the loops around are built. A kernel's generator asks for `value(node, index)` and puts `lines`,
the temporaries that the expression needs, before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.cpp.dtypes import COMPUTE, STORAGE, converted, literal, loaded, stored
from operators.authors.expert.cpp.maps import map_text
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.expr import Place, Unsupported, Walk
from operators.authors.expert.kernels.index import Index

__all__ = ["Emitter", "Place", "Scope", "Unsupported", "parameters"]


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
class Emitter(Walk):
    """Writes the values of nodes of one kernel.

    `scopes`, outermost first, take what does not depend on the innermost loop; without them all goes to `lines`.
    """

    prefix: str = "t"
    scopes: Sequence[Scope] = ()
    lines: list[str] = field(default_factory=list)
    _count: int = 0
    _guards: int = 0  # how many conditions enclose what is being written

    def store(self, node_id: int, index: Place) -> str:
        """The statement that writes the node's value at `index` to the parameter `out<id>`."""
        node = self.graph[node_id]
        text = stored(self.value(node_id, index), node.dtype, node.dtype)
        return f"out{node_id}[{self.stored_at(node_id, index).text}] = {text};"

    def take_lines(self) -> list[str]:
        """The temporaries written so far; the next value starts a new scope."""
        lines, self.lines, self._known = self.lines, [], {}
        return lines

    def literal(self, value: float | int | bool, dtype: DType) -> str:
        return literal(value, dtype)

    def converted(self, text: str, source: DType, target: DType) -> str:
        return converted(text, source, target)

    def counted(self, node: Node, index: Place, position: Index) -> str:
        return self._temporary(node, index, f"({COMPUTE[node.dtype]}){position.text}")

    def mapped(self, node: Node, index: Place, operands: list[str]) -> str:
        return self._temporary(node, index, map_text(self.graph, node, operands))

    def loaded(self, node: Node, index: Place, position: Index) -> str:
        return self._temporary(node, index, loaded(f"in{node.id}[{position.text}]", node.dtype))

    def subscript(self, text: str) -> str:
        return f"(long){text}"

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
        condition = " && ".join(conditions)
        return f"if ({condition}) {{ {body} }}" if condition else f"{{ {body} }}"

    def padded(self, node: Node, index: Place) -> str:
        inner, checks = self.padding(node, index)
        if not checks:
            return self.value(node.inputs[0], inner)
        name = self._name()
        guarded = self._guarded(name, [c.written("/") for c in checks], node.inputs[0], inner, node.dtype)
        outside = literal(node.attrs["value"], node.dtype)
        self.lines += [f"{COMPUTE[node.dtype]} {name} = {outside};", guarded]
        return name

    def concatenated(self, node: Node, index: Place) -> str:
        name, branches = self._name(), []
        for source, inner, check in self.parts(node, index):
            conditions = [check.written("/")] if check else []
            branches.append(self._guarded(name, conditions, source, inner, node.dtype))
        self.lines += [f"{COMPUTE[node.dtype]} {name};", " else ".join(branches)]
        return name


def parameters(graph: Graph, reads: Iterable[int], writes: Iterable[int]) -> str:
    """The parameter list of a kernel: `in<id>` for what it reads, `out<id>` for what it writes."""
    ins = [f"const {STORAGE[graph[i].dtype]}* __restrict in{i}" for i in reads]
    outs = [f"{STORAGE[graph[i].dtype]}* __restrict out{i}" for i in writes]
    return ", ".join(ins + outs)
