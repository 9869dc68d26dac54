"""Values of nodes as Triton expressions over blocks: from an index of a node down to masked loads.

A kernel's generator says which variables there are, as blocks that broadcast against each other, and asks for
`value(node, index)`; the temporaries that it needs go to the outermost scope that has their variables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.ir.graph import DType, Node
from operators.authors.expert.kernels.expr import Place, Walk
from operators.authors.expert.kernels.index import Index
from operators.authors.expert.kernels.views import Check
from operators.authors.expert.triton.dtypes import COMPUTE, converted, literal, loaded, stored
from operators.authors.expert.triton.maps import map_text

Uses = frozenset[str]
Guard = tuple[str, Uses]  # the text of a condition, and the variables that it spans
_NONE: Uses = frozenset()


@dataclass
class Scope:
    """A place in the code where `variables` are known."""

    variables: Uses
    lines: list[str] = field(default_factory=list)


@dataclass
class Emitter(Walk):
    """Writes the values of nodes of one kernel.

    `masks` says of each variable when it is in range; one that always is has none. `scopes`, outermost first: the last
    one takes everything. `hint` and `store_hint` are further arguments of the load of a node, and of stores. `quick`
    nodes are as exact as the kernel's constants say (see `kernels.nest.arithmetic`).
    """

    masks: Mapping[str, str] = field(default_factory=dict)
    scopes: Sequence[Scope] = ()
    hint: Callable[[Node, Index], str] = lambda node, position: ""
    store_hint: str = ""
    quick: Collection[int] = ()
    _uses: dict[str, Uses] = field(default_factory=dict)
    _checked: dict[str, Guard] = field(default_factory=dict)  # by the text of the check
    _guards: list[Guard] = field(default_factory=list)
    _count: int = 0

    def uses(self, text: str) -> Uses:
        """The variables whose blocks the value of a text spans."""
        return self._uses.get(text, _NONE)

    def hold(self, text: str, uses: Uses) -> None:
        """Tells what a text spans that the code around defines: an accumulator, say."""
        self._uses[text] = uses

    def forget(self, variables: Uses) -> None:
        """Values that depend on these variables are out of reach: their loop has ended."""
        self._known = {key: text for key, text in self._known.items() if not self.uses(text) & variables}
        self._checked = {key: guard for key, guard in self._checked.items() if not guard[1] & variables}

    def store(self, node_id: int, index: Place) -> str:
        """The statement that writes the node's value at `index` to the parameter `out<id>`."""
        value = stored(self.value(node_id, index), self.graph[node_id].dtype)
        position = self.stored_at(node_id, index)
        where = f"{self.mask(position.uses)}{self.store_hint}"
        return f"tl.store({_pointer('out', node_id, position)}, {value}{where})"

    def mask(self, uses: Uses) -> str:
        """The mask argument of an access at a position that spans these variables."""
        bounds = [self.masks[v] for v in sorted(uses) if v in self.masks]
        # A condition on other variables is none on this position.
        parts = dict.fromkeys([*bounds, *(text for text, checked in self._guards if checked <= uses)])
        return f", mask={' & '.join(parts)}" if parts else ""

    def named(self, name: str, text: str, uses: Uses) -> str:
        """A temporary for `text`, in the outermost scope that has the variables it uses."""
        self._count += 1
        name = f"{name}{self._count}"
        needed = uses.union(*(guard for _, guard in self._guards))
        scope = next(s for s in self.scopes if needed <= s.variables or s is self.scopes[-1])
        scope.lines.append(f"{name} = {text}")
        self._uses[name] = uses
        return name

    def literal(self, value: float | int | bool, dtype: DType) -> str:
        return literal(value, dtype)

    def converted(self, text: str, source: DType, target: DType) -> str:
        result = converted(text, source, target)
        return result if result == text else self.named("cast", result, self.uses(text))

    def counted(self, node: Node, index: Place, position: Index) -> str:
        text = position.written("//")
        if not position.uses:
            return self.named("count", f"tl.full((), {text}, {COMPUTE[node.dtype]})", _NONE)
        return self.named("count", f"({text}).to({COMPUTE[node.dtype]})", position.uses)

    def mapped(self, node: Node, index: Place, operands: list[str]) -> str:
        uses = _NONE.union(*(self.uses(text) for text in operands))
        return self.named(node.op, map_text(self.graph, node, operands, node.id in self.quick), uses)

    def loaded(self, node: Node, index: Place, position: Index) -> str:
        access = f"{_pointer('in', node.id, position)}{self.mask(position.uses)}{self.hint(node, position)}"
        return self.named("x", loaded(f"tl.load({access})", node.dtype), position.uses)

    def subscript(self, text: str) -> str:
        return text

    def padded(self, node: Node, index: Place) -> str:
        inner, checks = self.padding(node, index)
        if not checks:
            return self.value(node.inputs[0], inner)
        conditions = self.conditions(checks)
        value = self.guarded(conditions, node.inputs[0], inner)
        return self._where(conditions, value, literal(node.attrs["value"], node.dtype))

    def concatenated(self, node: Node, index: Place) -> str:
        pieces, below = [], None
        for source, inner, check in self.parts(node, index):
            own = ([Check(below.index, ">=", below.bound)] if below else []) + ([check] if check else [])
            conditions = self.conditions(own)
            pieces.append((conditions, self.guarded(conditions, source, inner)))
            below = check
        result = pieces[-1][1]
        for conditions, value in reversed(pieces[:-1]):
            result = self._where(conditions[-1:], value, result)  # of later parts what is below is already known
        return result

    def conditions(self, checks: Sequence[Check]) -> list[Guard]:
        """A temporary for each check, and what it spans."""
        return [self._condition(check.written("//"), check.index.uses) for check in checks]

    def _condition(self, text: str, uses: Uses) -> Guard:
        if text not in self._checked:
            self._checked[text] = self.named("inside", text, uses), uses
        return self._checked[text]

    def guarded(self, conditions: Sequence[Guard], node_id: int, index: Place) -> str:
        """The value where all conditions hold; elsewhere nothing is loaded and it is undefined."""
        known, checked = dict(self._known), dict(self._checked)
        self._guards += conditions
        value = self.value(node_id, index)
        self._guards = self._guards[: len(self._guards) - len(conditions)]
        if conditions:
            self._known, self._checked = known, checked
        return value

    def _where(self, conditions: Sequence[Guard], value: str, otherwise: str) -> str:
        uses = _NONE.union(*(used for _, used in conditions), self.uses(value), self.uses(otherwise))
        condition = " & ".join(name for name, _ in conditions)
        return self.named("where", f"tl.where({condition}, {value}, {otherwise})", uses)


def _pointer(kind: str, node_id: int, position: Index) -> str:
    text = position.written("//")
    return f"{kind}{node_id}" if text == "0" else f"{kind}{node_id} + {text}"
