"""Mean and variance of a row in one pass: sums in double of what exceeds the row's first element, and of its squares.

The variance comes from the difference of two sums. Since the shift is an element of the row, that difference loses at
most a factor of the row's length, of the 2^29 by which double is more precise than float: for rows with an offset, for
constant ones and for those with outliers alike (Chan, Golub and LeVeque, 1983).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose

from operators.authors.expert.cpp.nest.analysis import Nest
from operators.authors.expert.cpp.nest.patterns import behind_views, constant, over_the_same, reductions
from operators.authors.expert.cpp.nest.states import Field
from operators.authors.expert.ir.graph import DType, Node


@dataclass(frozen=True)
class Moments:
    """The joint accumulator of sum(x) and sum((x - mean)^2) over `numel` elements."""

    first: Node
    second: Node
    numel: int

    summed = False
    marker = "sum and squares around the mean"

    @property
    def reductions(self) -> tuple[int, ...]:
        return self.first.id, self.second.id

    @property
    def shift(self) -> str:
        """The name of the array that holds each lane's shift."""
        return f"shift{self.first.id}"

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(Field(f"a{n.id}", "double", "0") for n in (self.first, self.second))

    def update(self, lane: str, value: str, position: str) -> str:
        total, squares = (f"{f.name}[{lane}]" for f in self.fields)
        return f"{{ const double d = (double){value} - {self.shift}[{lane}]; {total} += d; {squares} += d * d; }}"

    def merge(self, into: str, source: str) -> str:
        return " ".join(f"{into} += {source};".format(f.name) for f in self.fields)

    def results(self, at: str) -> Mapping[int, tuple[str, str]]:
        total, squares = (at.format(f.name) for f in self.fields)
        start = at.format(self.shift)
        around = f"k_max({squares} - {total} * {total} / {self.numel}, 0.0)"
        return {
            self.first.id: ("float", f"(float)({start} * {self.numel} + {total})"),
            self.second.id: ("float", f"(float){around}"),
        }


def find_moments(nest: Nest) -> tuple[Moments, ...]:
    """The nest's pairs of a sum and a sum of squared differences from the mean."""
    sums = {n.inputs[0]: n for n in reversed(reductions(nest, "sum")) if n.dtype is DType.F32}
    found: dict[int, Moments] = {}
    for second in sums.values():
        source, mean = _difference(nest, second)
        first = sums.get(source)
        if first is None or nest.graph[source].dtype.bytes > 4 or not over_the_same(nest, first, second):
            continue
        numel = nest.space(first.id).numel
        if mean is not None and _is_mean(nest, mean, first, numel):
            found.setdefault(first.id, Moments(first, second, numel))
    return tuple(found.values())


def _difference(nest: Nest, second: Node) -> tuple[int, Node | None]:
    """(x, m) when (x - m)^2 is summed."""
    square = nest.graph[second.inputs[0]]
    twice = square.op == "mul" and square.inputs[0] == square.inputs[1]
    if not twice and not (square.op == "pow" and constant(nest, square.inputs[1]) == 2):
        return -1, None
    difference = nest.graph[square.inputs[0]]
    if difference.op != "sub" or difference.shape != nest.graph[difference.inputs[0]].shape:
        return -1, None
    return difference.inputs[0], behind_views(nest, difference.inputs[1])


def _is_mean(nest: Nest, mean: Node, first: Node, numel: int) -> bool:
    if mean.op not in ("div", "mul") or behind_views(nest, mean.inputs[0]).id != first.id:
        return False
    factor = constant(nest, mean.inputs[1])
    return factor is not None and isclose(factor, numel if mean.op == "div" else 1 / numel, rel_tol=1e-6)
