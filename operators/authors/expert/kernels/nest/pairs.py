"""Pairs of reductions that one pass can compute together: a softmax's maximum and sum, a row's mean and variance."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from operators.authors.expert.ir.graph import DType, Node
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.patterns import behind_views, constant, over_the_same, reductions


@dataclass(frozen=True)
class OnlinePair:
    """max(x) and sum(exp(x - max)). `guarded`: an infinite maximum is replaced by 0."""

    first: Node
    second: Node
    guarded: bool

    @property
    def reductions(self) -> tuple[int, ...]:
        return self.first.id, self.second.id


@dataclass(frozen=True)
class MomentsPair:
    """sum(x) and sum((x - mean)^2) over `numel` elements."""

    first: Node
    second: Node
    numel: int

    @property
    def reductions(self) -> tuple[int, ...]:
        return self.first.id, self.second.id


def find_online(nest: Nest) -> tuple[OnlinePair, ...]:
    """The nest's pairs of a maximum and a sum of exponentials relative to it."""
    maxima = {n.inputs[0]: n for n in reversed(reductions(nest, "max"))}
    found: dict[int, OnlinePair] = {}
    for second in reductions(nest, "sum"):
        power = nest.graph[second.inputs[0]]
        difference = nest.graph[power.inputs[0]] if power.op == "exp" else power
        if difference.op != "sub" or power.op != "exp" or difference.inputs[0] not in maxima:
            continue
        first, base = maxima[difference.inputs[0]], behind_views(nest, difference.inputs[1])
        guarded = _guards(nest, base, first)
        same = over_the_same(nest, first, second) and first.dtype is second.dtype
        if same and (guarded or base.id == first.id):
            found.setdefault(first.id, OnlinePair(first, second, guarded))
    return tuple(found.values())


def _guards(nest: Nest, base: Node, first: Node) -> bool:
    """Whether `base` is where(isinf(first), 0, first)."""
    if base.op != "where" or constant(nest, base.inputs[1]) != 0:
        return False
    test, _, value = (behind_views(nest, i) for i in base.inputs)
    return test.op == "isinf" and value.id == first.id == behind_views(nest, test.inputs[0]).id


def find_moments(nest: Nest) -> tuple[MomentsPair, ...]:
    """The nest's pairs of a sum and a sum of squared differences from the mean."""
    sums = {n.inputs[0]: n for n in reversed(reductions(nest, "sum")) if n.dtype is DType.F32}
    found: dict[int, MomentsPair] = {}
    for second in sums.values():
        source, mean = _difference(nest, second)
        first = sums.get(source)
        if first is None or nest.graph[source].dtype.bytes > 4 or not over_the_same(nest, first, second):
            continue
        numel = nest.space(first.id).numel
        if mean is not None and _is_mean(nest, mean, first, numel):
            found.setdefault(first.id, MomentsPair(first, second, numel))
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
