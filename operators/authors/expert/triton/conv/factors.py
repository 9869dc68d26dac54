"""Values of a convolution's factors at a tap: from memory as it is, with zeros around the input, or from a copy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from operators.authors.expert.ir.graph import DType, Node
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, ranged
from operators.authors.expert.kernels.views import within
from operators.authors.expert.triton.dtypes import COMPUTE, STORAGE
from operators.authors.expert.triton.expr import Emitter


@dataclass
class Factors:
    """Writes values with an emitter whose `hint` is `filler`."""

    emitter: Emitter
    dtype: DType

    def filler(self, node: Node, position: Index) -> str:
        """What a load gives where it is masked off."""
        return ", other=0" if self.emitter.mask(position.uses) else ""

    def surrounded(self, node: Node, plain: bool, place: Place) -> tuple[str, frozenset[str]]:
        """The element at `place`, zero where that lies outside of the axes from the third on, and what it spans."""
        emitter = self.emitter
        checks = [check for i, size in zip(place[2:], node.shape[2:], strict=True) for check in within(i, size)]
        inner = (*place[:2], *(ranged(i, 0, size - 1) for i, size in zip(place[2:], node.shape[2:], strict=True)))
        conditions = emitter.conditions(checks)
        value = emitter.guarded(conditions, node.id, inner)
        uses = emitter.uses(value)
        spanned = frozenset().union(*(used for _, used in conditions))
        # A load that all conditions mask gives zero already.
        if conditions and not (plain and spanned <= uses):
            value = self._where([name for name, _ in conditions], value, uses | spanned)
        return value, uses | spanned

    def copied(self, pointer: str, position: Index, node: Node) -> tuple[str, frozenset[str]]:
        where = f"{self.emitter.mask(position.uses)}{self.filler(node, position)}"
        text = f"tl.load({pointer} + {position.written('//')}{where})"
        return self.emitter.named("tile", text, position.uses), position.uses

    def within_depth(self, value: str, uses: frozenset[str], deep: str, mask: str) -> tuple[str, frozenset[str]]:
        """`value`, zero where there is no depth any more."""
        return self._where([mask], value, uses | {deep}), uses | {deep}

    def tile(self, value: str, uses: frozenset[str], spans: Collection[Collection[str]], shape: str) -> str:
        """`value` as a whole tile, of the type that is multiplied. `spans`: variables of each of its dimensions."""
        emitter = self.emitter
        if not value.isidentifier():
            value = emitter.named("tile", f"tl.full((), {value}, {COMPUTE[self.dtype]})", uses)
        if self.dtype is not DType.F32:
            value = emitter.named("tile", f"{value}.to({STORAGE[self.dtype]})", uses)
        if not all(uses & {*names} for names in spans):
            value = emitter.named("tile", f"tl.broadcast_to({value}, {shape})", uses.union(*spans))
        return value

    def _where(self, conditions: list[str], value: str, uses: frozenset[str]) -> str:
        return self.emitter.named("tile", f"tl.where({' & '.join(conditions)}, {value}, 0.0)", uses)
