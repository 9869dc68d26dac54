"""One factor of a product as C++: its value at (batch, width, depth), and where it lies when it is plain memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operators.authors.expert.cpp.expr import Emitter, Place
from operators.authors.expert.ir.graph import DType, Graph
from operators.authors.expert.kernels.index import Index, linear
from operators.authors.expert.kernels.views import PURE_VIEWS, input_index


@dataclass(frozen=True)
class Operand:
    """`width` names the loop variable of the axis that stays in the result; the other one is `p`.

    `address` is the affine address of a factor that is float32 in memory, as (leaf, position).
    """

    node: int
    width: str
    lines: tuple[str, ...]
    value: str
    reads: tuple[int, ...]
    positions: tuple[Index, ...]
    address: tuple[int, Index] | None

    @property
    def deep(self) -> bool:
        """Whether memory is contiguous along the depth; what varies along both axes decides."""
        strides = [(p.coefficient(self.width), p.coefficient("p")) for p in self.positions]
        strides = [each for each in strides if 0 not in each] or strides
        return all(wide != 1 for wide, _ in strides) or any(deep == 1 for _, deep in strides)

    @property
    def plain(self) -> bool:
        """Whether it can be read in place: one axis contiguous, the other with a constant stride."""
        return self.address is not None and 1 in self._strides

    @property
    def stride(self) -> int:
        """Of the axis that is not contiguous, in elements; 0 unless plain."""
        return self._strides[0 if self.deep else 1] if self.plain else 0

    @property
    def _strides(self) -> tuple[int, int]:
        position = self.address[1]
        return position.coefficient(self.width) or 0, position.coefficient("p") or 0

    def source(self, batches: int) -> str:
        """The expression that makes a `gemm::Source`."""
        parameters = f"(long batch, long {self.width}, long p)"
        body = " ".join([*self.lines, f"return {self.value};"])
        at = f"in{self.address[0]} + {self.address[1].text}" if self.plain else "nullptr"
        return (
            f"gemm::source<{str(self.deep).lower()}, {str(self.plain).lower()}, {batches}, {self.stride}>(\n"
            f"      [=]{parameters} -> float {{ {body} }},\n"
            f"      [=]{parameters} -> const float* {{ return {at}; }})"
        )


def operand(graph: Graph, nodes: Sequence[int], node_id: int, place: Place, width: str) -> Operand:
    """The factor `node_id` at `place`. Raises expr.Unsupported."""
    emitter = Emitter(graph, nodes)
    value = emitter.value(node_id, place)
    address = _address(graph, nodes, node_id, place, width)
    return Operand(node_id, width, tuple(emitter.lines), value, tuple(emitter.reads), tuple(emitter.positions), address)


def _address(graph: Graph, nodes: Sequence[int], node_id: int, place: Place, width: str) -> tuple[int, Index] | None:
    node = graph[node_id]
    while node.id in nodes and node.op in PURE_VIEWS:
        place = input_index(graph, node, place)
        node = graph[node.inputs[0]]
    if node.id in nodes or node.dtype is not DType.F32:
        return None
    position = linear(place, node.shape)
    return None if None in (position.coefficient(width), position.coefficient("p")) else (node.id, position)
