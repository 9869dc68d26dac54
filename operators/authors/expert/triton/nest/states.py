"""Accumulators of reductions, as Triton text.

An accumulator is one or more fields. While a row is read each field is a tile, one number an element of the tile;
`fold` makes it one number a row; `finish` gives the reduction its value, `v<id>`. What a program leaves for another
are folded fields, which fold again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.nest.pairs import MomentsPair, OnlinePair
from operators.authors.expert.triton.dtypes import COMPUTE, converted, highest, literal, lowest


@dataclass(frozen=True)
class Field:
    """One number of an accumulator: type and initial value."""

    name: str
    dtype: DType
    start: str

    @property
    def storage(self) -> str:
        """torch's name of its type between kernels: that of arithmetic."""
        return "float32" if self.dtype in (DType.F16, DType.BF16) else self.dtype.value


@dataclass(frozen=True)
class Fold:
    """How a reduction over a tile is written: the axis that goes, or stays with size 1."""

    axis: str  # arguments after the tile: "1, {}keep_dims=True"

    def built_in(self, function: str, tile: str) -> str:
        return f"tl.{function}({tile}, axis={self.axis})"

    def by(self, function: str, tile: str) -> str:
        number, _, keep = self.axis.partition(",")
        return f"tl.reduce({tile}, {number}, {function}{',' + keep if keep else ''})"


class State(Protocol):
    @property
    def marker(self) -> str: ...

    @property
    def fields(self) -> tuple[Field, ...]: ...

    def update(self, value: str, position: str, mask: str) -> list[str]:
        """Adds a tile of values to the fields; `mask` says which of them exist, "" for all."""
        ...

    def fold(self, fold: Fold) -> list[str]: ...

    def finish(self) -> list[str]: ...


def masked(mask: str, value: str, otherwise: str) -> str:
    return f"tl.where({mask}, {value}, {otherwise})" if mask else value


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
        return f"{self.node.op} {self.node.attrs['op']}"

    @property
    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name or f"v{self.node.id}", self.node.dtype, self._identity),)

    @property
    def _identity(self) -> str:
        dtype = self.node.dtype
        bounds = {"max": lowest(dtype), "min": highest(dtype)}
        return bounds.get(self.op) or literal(self.op in ("prod", "all"), dtype)

    def update(self, value: str, position: str, mask: str) -> list[str]:
        name = self.fields[0].name
        value = masked(mask, self.taken(value), self._identity)
        real = self.node.dtype.is_float
        forms = {
            "sum": f"{name} + {value}",
            "prod": f"{name} * {value}",
            "max": f"{'k_max' if real else 'tl.maximum'}({name}, {value})",
            "min": f"{'k_min' if real else 'tl.minimum'}({name}, {value})",
            "any": f"{name} | {value}",
            "all": f"{name} & {value}",
        }
        return [f"{name} = {forms[self.op]}"]

    def taken(self, value: str) -> str:
        return converted(value, self.source, self.node.dtype)

    def fold(self, fold: Fold) -> list[str]:
        name = self.fields[0].name
        if self.op == "sum":
            text = fold.built_in("sum", name)
        elif self.op == "prod":
            text = fold.by("k_product", name)
        elif self.op in ("any", "all"):
            text = f"{fold.built_in('max' if self.op == 'any' else 'min', f'{name}.to(tl.int32)')} != 0"
        elif self.node.dtype.is_float:
            text = fold.by(f"k_{self.op}", name)
        else:
            text = fold.built_in(self.op, name)
        return [f"{name} = {text}"]

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
        best = lowest(self.source) if self.op == "max" else highest(self.source)
        kind = DType.I32 if self.numel < 2**31 else DType.I64
        return Field(f"best{self.node.id}", self.source, best), Field(f"at{self.node.id}", kind, str(self.numel))

    def update(self, value: str, position: str, mask: str) -> list[str]:
        best, at = self.fields
        value = masked(mask, value, best.start)
        return [f"{best.name}, {at.name} = k_arg{self.op}({best.name}, {at.name}, {value}, {position})"]

    def fold(self, fold: Fold) -> list[str]:
        names = ", ".join(f.name for f in self.fields)
        return [f"{names} = {fold.by(f'k_arg{self.op}', f'({names})')}"]

    def finish(self) -> list[str]:
        return [f"v{self.node.id} = {self.fields[1].name}.to(tl.int64)"]


@dataclass(frozen=True)
class Online:
    """A row's maximum and its sum of exponentials in one pass (Milakov and Gimelshein, arXiv 1805.02867)."""

    pair: OnlinePair

    marker = "online max and sum of exponentials"

    @property
    def fields(self) -> tuple[Field, ...]:
        first, second = self.pair.first, self.pair.second
        return Field(f"v{first.id}", first.dtype, lowest(first.dtype)), Field(f"v{second.id}", second.dtype, "0.0")

    def update(self, value: str, position: str, mask: str) -> list[str]:
        top, total = self.fields
        # Elements that do not exist count nothing next to any number.
        return [f"{top.name}, {total.name} = k_online({top.name}, {total.name}, {masked(mask, value, top.start)})"]

    def fold(self, fold: Fold) -> list[str]:
        top, total = (f.name for f in self.fields)
        return [
            f"top = {fold.by('k_max', top)}",
            f"{total} = {fold.built_in('sum', f'{total} * k_rescale({top}, top)')}",
            f"{top} = top",
        ]

    def finish(self) -> list[str]:
        top, total = (f.name for f in self.fields)
        plain = f"{total} + ({top} - {top})"  # NaN for infinite maxima, as separate passes have it
        if self.pair.guarded:
            infinite = f'tl.abs({top}) == float("inf")'
            plain = f"tl.where({infinite}, tl.where({top} > 0.0, {top}, 0.0), {plain})"
        return [f"{total} = {plain}"]


@dataclass(frozen=True)
class Moments:
    """A row's mean and variance in one pass: every element of the tile keeps count, mean and squares (Welford), which
    are joined as Chan, Golub and LeVeque do: exact for rows with an offset, and no double needed."""

    pair: MomentsPair

    marker = "sum and squares around the mean"

    @property
    def fields(self) -> tuple[Field, ...]:
        first, second = (n.id for n in (self.pair.first, self.pair.second))
        names = (f"v{first}", f"count{first}", f"mean{first}", f"v{second}")
        return tuple(Field(name, DType.F32, "0.0") for name in names)

    def update(self, value: str, position: str, mask: str) -> list[str]:
        total, count, mean, squares = (f.name for f in self.fields)
        new = f"({value} - {mean})"
        return [
            f"{total} += {masked(mask, value, '0.0')}",
            f"{count} += {f'{mask}.to(tl.float32)' if mask else '1.0'}",
            f"change = {masked(mask, new, '0.0')}",
            f"{mean} += change * k_reciprocal(tl.maximum({count}, 1.0))",
            f"{squares} += change * {masked(mask, new, '0.0')}",
        ]

    def fold(self, fold: Fold) -> list[str]:
        total, count, mean, squares = (f.name for f in self.fields)
        return [
            f"number = {fold.built_in('sum', count)}",
            f"middle = tl.div_rn({fold.built_in('sum', f'{mean} * {count}')}, tl.maximum(number, 1.0))",
            f"away = {mean} - middle",
            f"{squares} = {fold.built_in('sum', f'{squares} + {count} * away * away')}",
            f"{total} = {fold.built_in('sum', total)}",
            f"{count} = number",
            f"{mean} = middle",
        ]

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


def kind(field: Field) -> str:
    return COMPUTE[field.dtype]
