"""Values of nodes as CUDA C++ expressions of one thread: from an index of a node down to loads from memory.

A kernel's generator says which variables there are and asks for `value(node, index)`; temporaries go to the outermost
scope that has their variables, those of a single element to `lines`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.cuda.dtypes import COMPUTE, STORAGE, converted, literal, loaded, stored
from operators.authors.expert.cuda.lanes import Lanes
from operators.authors.expert.cuda.maps import map_text
from operators.authors.expert.ir.graph import DType, Node
from operators.authors.expert.kernels.expr import Place, Walk
from operators.authors.expert.kernels.index import Index


@dataclass
class Scope:
    """A place in the code where `variables` are known."""

    variables: frozenset[str]
    lines: list[str] = field(default_factory=list)


@dataclass
class Held:
    """Loads that stay in registers, as arrays over `h`: (node, position) to name."""

    names: dict[tuple[int, Index], str] = field(default_factory=dict)
    open: bool = True  # more may be added


@dataclass
class Emitter(Walk):
    """Writes the values of nodes of one kernel. `lanes` are the neighbours of an element, as far as there are any;
    `ragged` is the number of elements where the last neighbours may lie behind it. `quick` nodes are as exact
    as the kernel's macros say (see `kernels.nest.arithmetic`)."""

    scopes: Sequence[Scope] = ()
    lines: list[str] = field(default_factory=list)
    lanes: Lanes | None = None
    ragged: int = 0
    held: Held | None = None
    quick: Collection[int] = ()
    _count: int = 0
    _guards: int = 0  # how many conditions enclose what is being written

    def take_lines(self) -> list[str]:
        """The temporaries of one element."""
        lines, self.lines = self.lines, []
        return lines

    def forget(self, keep: frozenset[str]) -> None:
        """Values that depend on other variables are out of reach: their loop has ended."""
        self._known = {key: text for key, text in self._known.items() if _uses(key[1]) <= keep}

    def store(self, node_id: int, index: Place) -> tuple[list[str], str, list[str]]:
        """Writes the node's value to the parameter `out<id>`: what comes before an element, for it, and after all."""
        node = self.graph[node_id]
        text, position = stored(self.value(node_id, index), node.dtype), self.stored_at(node_id, index)
        base = self.lanes.base(position) if self.lanes and self.lanes.width > 1 else None
        if base is None:
            return [], f"out{node_id}[{position.text}] = {text};", []
        some, left = self._left(base)
        before = [f"k_vec<{STORAGE[node.dtype]}, VEC> y{node_id};"]
        return (
            before,
            f"y{node_id}.at[e] = {text};",
            [f"k_store{some}<STREAM>(out{node_id} + {base}, y{node_id}{left});"],
        )

    def fetched(self, node_id: int, position: Index) -> str:
        """The expression that loads `lanes` from the parameter `in<id>`."""
        base = self.lanes.base(position) if self.lanes and self.lanes.width > 1 else None
        if base is None:
            return f"in{node_id}[{position.text}]"
        some, left = self._left(base)
        return f"k_load{some}<VEC>(in{node_id} + {base}{left})"

    def _left(self, base: str) -> tuple[str, str]:
        return ("_some", f", {self.ragged} - {base}") if self.ragged else ("", "")

    def literal(self, value: float | int | bool, dtype: DType) -> str:
        return literal(value, dtype)

    def converted(self, text: str, source: DType, target: DType) -> str:
        return converted(text, source, target)

    def counted(self, node: Node, index: Place, position: Index) -> str:
        return self._temporary(node.dtype, index, f"({COMPUTE[node.dtype]}){position.text}")

    def mapped(self, node: Node, index: Place, operands: list[str]) -> str:
        return self._temporary(node.dtype, index, map_text(self.graph, node, operands, node.id in self.quick))

    def loaded(self, node: Node, index: Place, position: Index) -> str:
        if self.held and self.lanes and not self._guards and (text := self._held(node, position)):
            return loaded(text, node.dtype)
        if not self._guards and self.lanes and self.lanes.width > 1 and self.lanes.base(position):
            name, kind = self._name("x"), f"k_vec<{STORAGE[node.dtype]}, VEC>"
            self.scopes[-1].lines.append(f"const {kind} {name} = {self.fetched(node.id, position)};")
            return loaded(f"{name}.at[e]", node.dtype)
        return self._temporary(node.dtype, index, loaded(f"in{node.id}[{position.text}]", node.dtype))

    def _held(self, node: Node, position: Index) -> str | None:
        """An element of a load that stays in registers."""
        whole = self.lanes.width > 1
        key = (node.id, position)
        if key not in self.held.names:
            inside = position.uses - self.scopes[0].variables
            movable = not whole or self.lanes.base(position)
            if not (self.held.open and inside and movable and is_plain(position)):
                return None
            self.held.names[key] = self._name("x")
        return f"{self.held.names[key]}[h]{'.at[e]' if whole else ''}"

    def subscript(self, text: str) -> str:
        return f"(long){text}"

    def _name(self, prefix: str = "t") -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _temporary(self, dtype: DType, index: Place, text: str) -> str:
        name = self._name()
        self._lines_for(index).append(f"const {COMPUTE[dtype]} {name} = {text};")
        return name

    def _lines_for(self, index: Place) -> list[str]:
        """Those of the outermost scope that knows what `index` depends on."""
        scope = next((s for s in self.scopes if _uses(index) <= s.variables and not self._guards), None)
        return self.lines if scope is None else scope.lines

    def guarded(self, conditions: Iterable[str], node_id: int, index: Place, then: str, dtype: DType) -> list[str]:
        """`then` with the node's value for {}, where all conditions hold; nothing is loaded elsewhere."""
        lines, known = self.lines, dict(self._known)
        self.lines, self._guards = [], self._guards + 1
        value = converted(self.value(node_id, index), self.graph[node_id].dtype, dtype)
        body = [*self.lines, then.format(value)]
        self.lines, self._known, self._guards = lines, known, self._guards - 1
        condition = " && ".join(conditions)
        return [f"if ({condition}) {{" if condition else "{", *body, "}"]

    def padded(self, node: Node, index: Place) -> str:
        inner, checks = self.padding(node, index)
        if not checks:
            return self.value(node.inputs[0], inner)
        name, outside = self._name(), literal(node.attrs["value"], node.dtype)
        conditions = [c.written("/") for c in checks]
        body = self.guarded(conditions, node.inputs[0], inner, f"{name} = {{}};", node.dtype)
        self._lines_for(index).extend([f"{COMPUTE[node.dtype]} {name} = {outside};", *body])
        return name

    def concatenated(self, node: Node, index: Place) -> str:
        name, branches = self._name(), []
        for source, inner, check in self.parts(node, index):
            conditions = [check.written("/")] if check else []
            branches.append(self.guarded(conditions, source, inner, f"{name} = {{}};", node.dtype))
        lines = [line for number, part in enumerate(branches) for line in _otherwise(number, part)]
        self._lines_for(index).extend([f"{COMPUTE[node.dtype]} {name};", *lines])
        return name


def _otherwise(number: int, lines: list[str]) -> list[str]:
    return [f"else {lines[0]}", *lines[1:]] if number else lines


def _uses(index: Place) -> frozenset[str]:
    return frozenset().union(*(i.uses for i in index))


def is_plain(index: Index) -> bool:
    """Whether the index depends on loop variables only, not on what is loaded."""
    return all(
        atom.is_variable
        or (atom.division is not None and is_plain(atom.division[1]))
        or (atom.inner is not None and is_plain(atom.inner))
        for atom, _ in index.terms
    )
