"""Accumulators of reductions, as C++ text: each lane reduces every LANES-th element, then lanes are folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from operators.authors.expert.cpp.dtypes import COMPUTE, STORAGE, converted, literal
from operators.authors.expert.ir.graph import DType, Graph, Node

_UPDATES = {
    "sum": "{a} += {v};",
    "prod": "{a} *= {v};",
    "max": "{a} = k_max({a}, {v});",
    "min": "{a} = k_min({a}, {v});",
    "any": "{a} = {a} | {v};",
    "all": "{a} = {a} & {v};",
}


@dataclass(frozen=True)
class Field:
    """One number of an accumulator: C++ type and initial value."""

    name: str
    type: str
    start: str


@dataclass(frozen=True)
class Simple:
    """A reduction whose accumulator is of the type of its result."""

    node: Node
    op: str
    source: DType

    shift = ""

    @property
    def reductions(self) -> tuple[int, ...]:
        return (self.node.id,)

    @property
    def marker(self) -> str:
        return f"{self.node.op} {self.op}"

    @property
    def fields(self) -> Sequence[Field]:
        kind = "float" if self.node.dtype.is_float and self.node.dtype.bytes < 4 else STORAGE[self.node.dtype]
        return (Field(f"a{self.node.id}", kind, identity(self.op, self.node.dtype)),)

    @property
    def summed(self) -> bool:
        """Whether long runs are added up in blocks, so that rounding errors stay small."""
        return self.op == "sum" and self.node.dtype.is_float

    @property
    def totals(self) -> Sequence[Field]:
        """What blocks of a long run are added up in."""
        return (Field(f"s{self.fields[0].name}", "double", "0"),)

    def flush(self) -> str:
        """Statements that move lane `l` to its total."""
        name = self.fields[0].name
        return f"s{name}[l] += {name}[l]; {name}[l] = 0;"

    def restore(self) -> str:
        """The statement that adds the total of lane `l` to the lane."""
        name = self.fields[0].name
        return f"{name}[l] += s{name}[l];"

    def update(self, lane: str, value: str, position: str) -> str:
        value = converted(value, self.source, self.node.dtype)
        return _UPDATES[self.op].format(a=f"{self.fields[0].name}[{lane}]", v=value)

    def merge(self, into: str, source: str) -> str:
        """Statement that adds accumulator `source` to `into`; both are templates with {0} for the field."""
        name = self.fields[0].name
        return _UPDATES[self.op].format(a=into.format(name), v=source.format(name))

    def results(self, at: str) -> Mapping[int, tuple[str, str]]:
        """Reduction to the type and text of its value, when `at` makes an accumulator of a field's name."""
        return {self.node.id: (self.fields[0].type, at.format(self.fields[0].name))}


@dataclass(frozen=True)
class Arg:
    """The first position of the largest or smallest element; NaN wins."""

    node: Node
    op: str
    source: DType
    numel: int

    summed = False
    shift = ""

    @property
    def reductions(self) -> tuple[int, ...]:
        return (self.node.id,)

    @property
    def marker(self) -> str:
        return f"{self.node.op} {self.op}"

    @property
    def fields(self) -> Sequence[Field]:
        index = "int" if self.numel < 2**31 and self.source.bytes <= 4 else "long"
        best = Field(f"a{self.node.id}", COMPUTE[self.source], identity(self.op, self.source))
        return (
            best,
            Field(f"i{self.node.id}", index, str(self.numel if index == "long" else min(self.numel, 2**31 - 1))),
        )

    def update(self, lane: str, value: str, position: str) -> str:
        best, at = (f"{f.name}[{lane}]" for f in self.fields)
        return _take_better(self.op, best, at, value, f"({self.fields[1].type}){position}")

    def merge(self, into: str, source: str) -> str:
        best, at = (f.name for f in self.fields)
        return _take_better(self.op, into.format(best), into.format(at), source.format(best), source.format(at))

    def results(self, at: str) -> Mapping[int, tuple[str, str]]:
        return {self.node.id: ("long", f"(long){at.format(self.fields[1].name)}")}


def _take_better(op: str, best: str, at: str, value: str, position: str) -> str:
    """Equal values, and NaN among themselves, keep the smaller position."""
    sign = ">" if op == "max" else "<"
    better = f"({value} {sign} {best}) | (({value} != {value}) & ({best} == {best}))"
    same = f"({value} == {best}) | (({value} != {value}) & ({best} != {best}))"
    take = f"const bool take = ({better}) | (({same}) & ({position} < {at}));"
    return f"{{ {take} {best} = take ? {value} : {best}; {at} = take ? {position} : {at}; }}"


def identity(op: str, dtype: DType) -> str:
    if op in ("sum", "any"):
        return literal(0, dtype)
    if op in ("prod", "all"):
        return literal(1, dtype)
    if dtype.is_float:
        return literal(float("-inf") if op == "max" else float("inf"), dtype)
    if dtype is DType.BOOL:
        return literal(op == "min", dtype)
    bits, signed = dtype.bytes * 8, dtype is not DType.U8
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return literal(low if op == "max" else high, dtype)


def accumulator(graph: Graph, node_id: int, numel: int) -> Simple | Arg:
    """The accumulator of a reduce, argreduce or window node over `numel` elements a row."""
    node = graph[node_id]
    source = graph[node.inputs[0]].dtype
    if node.op == "argreduce":
        return Arg(node, node.attrs["op"], source, numel)
    return Simple(node, node.attrs["op"], source)
