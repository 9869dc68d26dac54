"""The typed IR that every dialect's generator shares: a list of nodes in topological order.

Values are dense row-major tensors of static shape. Ops and their attributes are in `ops.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod
from typing import Any


class DType(StrEnum):
    """Element types, by torch's names (`getattr(torch, dtype)`)."""

    F64 = "float64"
    F32 = "float32"
    F16 = "float16"
    BF16 = "bfloat16"
    I64 = "int64"
    I32 = "int32"
    I16 = "int16"
    I8 = "int8"
    U8 = "uint8"
    BOOL = "bool"

    @property
    def is_float(self) -> bool:
        return "float" in self.value

    @property
    def bytes(self) -> int:
        bits = "".join(c for c in self.value if c.isdigit())
        return int(bits) // 8 if bits else 1


@dataclass(frozen=True)
class TensorType:
    dtype: DType
    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.numel * self.dtype.bytes


@dataclass(frozen=True)
class Node:
    """One value. `inputs` are ids of earlier nodes; `attrs` hold only JSON-like values with tuples for lists."""

    id: int
    op: str
    inputs: tuple[int, ...]
    type: TensorType
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype


Place = str | tuple[int | str, ...]


def place(leaf: Node) -> Place:
    """Where an `input` or `state` node's tensor lives, as `Graph.mutations` names it."""
    return leaf.attrs["name"] if leaf.op == "state" else (leaf.attrs["position"], *leaf.attrs.get("path", ()))


@dataclass(frozen=True)
class Graph:
    """`outputs` are node ids, in the order and nesting-free form that the model returns them.

    `form` is what the model returns, as Python text in which `{i}` stands for `outputs[i]` (see `str.format`).
    `mutations` maps what the call overwrites to the node that holds its new value: a buffer or parameter by its
    qualified name, an argument by its position and path (see `place`).
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    form: str = "{0}"
    mutations: Mapping[Place, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for position, node in enumerate(self.nodes):
            if node.id != position or any(i >= position for i in node.inputs):
                raise ValueError(f"node {node.id} at {position} is out of order")

    def __getitem__(self, node_id: int) -> Node:
        return self.nodes[node_id]

    def users(self) -> dict[int, list[int]]:
        """Node id to the ids of the nodes that read it, each reader once."""
        readers: dict[int, list[int]] = {node.id: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                readers[source].append(node.id)
        return readers

    @property
    def results(self) -> tuple[int, ...]:
        """Everything that must exist in memory after the call: outputs and new buffer values."""
        return tuple(dict.fromkeys((*self.outputs, *self.mutations.values())))


class GraphBuilder:
    """Appends nodes, sharing equal ones; `finish` drops what no result needs and renumbers."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._seen: dict[Any, int] = {}

    def __getitem__(self, node_id: int) -> Node:
        return self._nodes[node_id]

    def add(self, op: str, inputs: Iterable[int], type: TensorType, /, **attrs: Any) -> int:
        """The id of a node with this op, inputs, type and attributes: an equal one is reused."""
        inputs = tuple(inputs)
        key = (op, inputs, type, repr(sorted(attrs.items())))
        if key not in self._seen:
            self._seen[key] = len(self._nodes)
            self._nodes.append(Node(len(self._nodes), op, inputs, type, attrs))
        return self._seen[key]

    def finish(self, outputs: Iterable[int], form: str = "{0}", mutations: Mapping[Place, int] | None = None) -> Graph:
        outputs, mutations = tuple(outputs), dict(mutations or {})
        live: set[int] = set()
        stack = [*outputs, *mutations.values()]
        while stack:
            node_id = stack.pop()
            if node_id not in live:
                live.add(node_id)
                stack.extend(self._nodes[node_id].inputs)
        # Inputs stay even when unused: their position is part of forward's signature.
        kept = [n for n in self._nodes if n.id in live or n.op == "input"]
        new = {node.id: position for position, node in enumerate(kept)}
        nodes = tuple(Node(new[n.id], n.op, tuple(new[i] for i in n.inputs), n.type, n.attrs) for n in kept)
        return Graph(nodes, tuple(new[i] for i in outputs), form, {k: new[i] for k, i in mutations.items()})
