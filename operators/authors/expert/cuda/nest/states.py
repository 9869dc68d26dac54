"""Accumulators of reductions, as CUDA C++ text.

An accumulator is one or more fields, variables of a thread. `update` adds an element, `merge` the accumulator of
another thread (fields by other names); `finish` declares the reductions' values, `v<id>`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from operators.authors.expert.cuda.dtypes import COMPUTE, converted, identity
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.nest.pairs import MomentsPair, OnlinePair

Naming = Callable[[str], str]


@dataclass(frozen=True)
class Field:
    """One number of an accumulator: type of the IR and initial value."""

    name: str
    dtype: DType
    start: str

    @property
    def kind(self) -> str:
        return COMPUTE[self.dtype]

    @property
    def storage(self) -> str:
        """torch's name of its type between kernels: that of arithmetic."""
        return "float32" if self.dtype in (DType.F16, DType.BF16) else self.dtype.value


class State(Protocol):
    @property
    def marker(self) -> str: ...

    @property
    def fields(self) -> tuple[Field, ...]: ...

    def update(self, value: str, position: str) -> str: ...

    def merge(self, other: Naming) -> str: ...

    def finish(self) -> list[str]: ...


@dataclass(frozen=True)
class Simple:
    """A reduction whose accumulator is of the type of its result."""

    node: Node
    source: DType
    name: str = ""  # of its field, when that is not the reduction's value

    @property
    def op(self) -> str:
        """`max` and `min` of truth values are `any` and `all`."""
        words = {"max": "any", "min": "all"} if self.node.dtype is DType.BOOL else {}
        return words.get(self.node.attrs["op"], self.node.attrs["op"])

    @property
    def marker(self) -> str:
        return f"{self.node.op} {self.op}"

    @property
    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name or f"v{self.node.id}", self.node.dtype, identity(self.op, self.node.dtype)),)

    def update(self, value: str, position: str) -> str:
        return self._joined(converted(value, self.source, self.node.dtype))

    def merge(self, other: Naming) -> str:
        return self._joined(other(self.fields[0].name))

    def _joined(self, value: str) -> str:
        name = self.fields[0].name
        forms = {
            "sum": f"{name} += {value};",
            "prod": f"{name} *= {value};",
            "any": f"{name} = {name} | {value};",
            "all": f"{name} = {name} & {value};",
        }
        return forms.get(self.op) or f"{name} = k_{self.op}({name}, {value});"

    def finish(self) -> list[str]:
        return []


@dataclass(frozen=True)
class Arg:
    """The first position of the largest or smallest element; NaN wins."""

    node: Node
    source: DType
    numel: int

    @property
    def op(self) -> str:
        return self.node.attrs["op"]

    @property
    def marker(self) -> str:
        return f"{self.node.op} {self.op}"

    @property
    def fields(self) -> tuple[Field, ...]:
        kind = DType.I32 if self.numel < 2**31 else DType.I64
        best = Field(f"best{self.node.id}", self.source, identity(self.op, self.source))
        return best, Field(f"at{self.node.id}", kind, str(self.numel))

    def update(self, value: str, position: str) -> str:
        return self._taken(value, f"({self.fields[1].kind}){position}")

    def merge(self, other: Naming) -> str:
        return self._taken(*(other(f.name) for f in self.fields))

    def _taken(self, value: str, position: str) -> str:
        best, at = (f.name for f in self.fields)
        test = "k_above" if self.op == "max" else "k_below"
        return f"if ({test}({best}, {at}, {value}, {position})) {best} = {value}, {at} = {position};"

    def finish(self) -> list[str]:
        return [f"const long v{self.node.id} = {self.fields[1].name};"]


@dataclass(frozen=True)
class Online:
    """A row's maximum and its sum of exponentials in one pass (Milakov and Gimelshein, arXiv 1805.02867)."""

    pair: OnlinePair

    marker = "online max and sum of exponentials"

    @property
    def fields(self) -> tuple[Field, ...]:
        first, second = self.pair.first, self.pair.second
        return Field(f"v{first.id}", first.dtype, identity("max", first.dtype)), Field(
            f"v{second.id}", second.dtype, identity("sum", second.dtype)
        )

    def update(self, value: str, position: str) -> str:
        return f"k_online({', '.join(f.name for f in self.fields)}, {value});"

    def merge(self, other: Naming) -> str:
        names = [f.name for f in self.fields]
        return f"k_online_merge({', '.join([*names, *map(other, names)])});"

    def finish(self) -> list[str]:
        """NaN for infinite maxima, as separate passes have it."""
        top, total = (f.name for f in self.fields)
        if not self.pair.guarded:
            return [f"if (k_isinf({top})) {total} = k_nan;"]
        return [f"if (k_isinf({top})) {total} = {top} > 0 ? {top} : 0;"]


@dataclass(frozen=True)
class Moments:
    """A row's mean and variance in one pass (Welford): exact for rows with an offset."""

    pair: MomentsPair

    marker = "sum and squares around the mean"

    @property
    def fields(self) -> tuple[Field, ...]:
        first, second = (n.id for n in (self.pair.first, self.pair.second))
        names = (f"count{first}", f"v{first}", f"mean{first}", f"v{second}")
        return tuple(Field(name, DType.F32, "0.0f") for name in names)

    def update(self, value: str, position: str) -> str:
        return f"k_moments({', '.join(f.name for f in self.fields)}, {value});"

    def merge(self, other: Naming) -> str:
        names = [f.name for f in self.fields]
        return f"k_moments_merge({', '.join([*names, *map(other, names)])});"

    def finish(self) -> list[str]:
        return []


def state(graph: Graph, joint: object, node_id: int, numel: int) -> State:
    """The accumulator of a pass over `numel` elements a row: of the pair `joint` if there is one, else of the node."""
    if isinstance(joint, OnlinePair):
        return Online(joint)
    if isinstance(joint, MomentsPair):
        return Moments(joint)
    node = graph[node_id]
    source = graph[node.inputs[0]].dtype
    return Arg(node, source, numel) if node.op == "argreduce" else Simple(node, source)
