"""The shape of a nest: loop variables of rows, loop variables inside a row, and where every node lies on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod

from operators.authors.expert.kernels.index import Index, linear, unravel, variable

Place = tuple[Index, ...]


@dataclass(frozen=True)
class Space:
    """Loop variables, outermost first. The position in the space is row-major over `sizes`."""

    prefix: str
    sizes: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}{i}" for i in range(len(self.sizes)))

    @property
    def numel(self) -> int:
        return prod(self.sizes)

    @cached_property
    def position(self) -> Index:
        return linear([variable(n, s) for n, s in zip(self.names, self.sizes, strict=True)], self.sizes)

    def merged(self, at: int) -> Space:
        """The space with variables `at` and `at` + 1 as one."""
        return Space(self.prefix, (*self.sizes[:at], self.sizes[at] * self.sizes[at + 1], *self.sizes[at + 2 :]))


def refined(shape: Sequence[int], others: Iterable[Sequence[int]]) -> list[tuple[int, ...]]:
    """Each axis of `shape` as the finest product of sizes at which shapes in `others`, of as many elements, split.

    Where splits of two shapes do not divide each other, the one named first wins; index arithmetic copes with the rest.
    """
    bounds = _suffixes(shape)
    for other in others:
        for bound in _suffixes(other):
            below = max((b for b in bounds if b < bound), default=1)
            above = min((b for b in bounds if b > bound), default=bound)
            if bound % below == 0 and above % bound == 0:
                bounds.add(bound)
    ordered, result, step = sorted(bounds), [], 1
    for size in reversed(shape):
        chain = [b // step for b in ordered if step <= b <= step * size]
        result.append(tuple(b // a for a, b in pairwise(chain))[::-1])
        step *= size
    return result[::-1]


def _suffixes(shape: Sequence[int]) -> set[int]:
    return {prod(shape[i:]) for i in range(len(shape) + 1)}


def rows_place(rows: Space, shape: Sequence[int]) -> Place:
    """Where row `rows.position` lies in a tensor of one element a row."""
    return unravel(rows.position, shape)


def reduced_place(rows: Space, inner: Space, shape: Sequence[int], axes: Iterable[int]) -> Place:
    """Where element `inner.position` of the row lies in a tensor whose `axes` are the row's inside."""
    axes = {axis % len(shape) for axis in axes}
    kept = unravel(rows.position, [1 if d in axes else size for d, size in enumerate(shape)])
    inside = iter(unravel(inner.position, [size for d, size in enumerate(shape) if d in axes]))
    return tuple(next(inside) if d in axes else kept[d] for d in range(len(shape)))
