"""A row's maximum and its sum of exponentials in one pass: every lane keeps its own maximum and rescales its sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from operators.authors.expert.cpp.dtypes import COMPUTE, literal
from operators.authors.expert.cpp.nest.states import Field
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.pairs import OnlinePair
from operators.authors.expert.kernels.nest.pairs import find_online as find_pairs


@dataclass(frozen=True)
class Online(OnlinePair):
    """The joint accumulator of max(x) and sum(exp(x - max))."""

    summed = True
    shift = ""
    marker = "online max and sum of exponentials"

    @property
    def fields(self) -> tuple[Field, ...]:
        kind = COMPUTE[self.first.dtype]
        lowest, zero = literal(float("-inf"), self.first.dtype), literal(0, self.first.dtype)
        return Field(f"a{self.first.id}", kind, lowest), Field(f"a{self.second.id}", kind, zero)

    def update(self, lane: str, value: str, position: str) -> str:
        best, total = (f"{f.name}[{lane}]" for f in self.fields)
        return f"k_online({best}, {total}, {value});"

    def merge(self, into: str, source: str) -> str:
        names = [at.format(f.name) for at in (into, source) for f in self.fields]
        return f"k_online_merge({', '.join(names)});"

    @property
    def totals(self) -> tuple[Field, ...]:
        best, total = self.fields
        return Field(f"s{total.name}", "double", "0"), Field(f"s{best.name}", best.type, best.start)

    def flush(self) -> str:
        best, total = (f.name for f in self.fields)
        return f"s{total}[l] = {self._total()}; s{best}[l] = {best}[l]; {total}[l] = 0;"

    def restore(self) -> str:
        return f"{self.fields[1].name}[l] = {self._total()};"

    def _total(self) -> str:
        best, total = (f.name for f in self.fields)
        return f"k_online_total(s{total}[l], s{best}[l], {best}[l], {total}[l])"

    def results(self, at: str) -> Mapping[int, tuple[str, str]]:
        kind, (best, total) = self.fields[0].type, (at.format(f.name) for f in self.fields)
        guard = "_guarded" if self.guarded else ""
        return {self.first.id: (kind, best), self.second.id: (kind, f"k_online_sum{guard}({best}, {total})")}


def find_online(nest: Nest) -> tuple[Online, ...]:
    """The nest's pairs of a maximum and a sum of exponentials relative to it."""
    return tuple(Online(pair.first, pair.second, pair.guarded) for pair in find_pairs(nest))
