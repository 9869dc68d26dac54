"""Mean and variance of a row in one pass: sums in double of what exceeds the row's first element, and of its squares.

The variance comes from the difference of two sums. Since the shift is an element of the row, that difference loses at
most a factor of the row's length, of the 2^29 by which double is more precise than float: for rows with an offset, for
constant ones and for those with outliers alike (Chan, Golub and LeVeque, 1983).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from operators.authors.expert.cpp.nest.states import Field
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.pairs import MomentsPair
from operators.authors.expert.kernels.nest.pairs import find_moments as find_pairs


@dataclass(frozen=True)
class Moments(MomentsPair):
    """The joint accumulator of sum(x) and sum((x - mean)^2)."""

    summed = False
    marker = "sum and squares around the mean"

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
    return tuple(Moments(pair.first, pair.second, pair.numel) for pair in find_pairs(nest))
