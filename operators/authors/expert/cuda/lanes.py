"""Neighbours in memory that one thread takes together: which accesses move as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from operators.authors.expert.kernels.index import Index, opaque, variable

_BYTES = 16  # the widest access of a thread


@dataclass(frozen=True)
class Lanes:
    """VEC neighbours along `variable`, from `start` on; VEC divides `width`. With `width` 1 there is only `start`."""

    variable: str
    size: int
    width: int = 1
    start: str = "start"

    def base(self, position: Index) -> str | None:
        """The position of the first neighbour, if all can be accessed at once; None if not."""
        rest = aligned_rest(position, self.variable, self.size, self.width)
        return None if rest is None else (rest + opaque(self.start, 0, self.size - 1)).text


def aligned_rest(position: Index, name: str, size: int, width: int) -> Index | None:
    """`position` without the variable, if it grows with it and is a multiple of `width` besides."""
    if position.coefficient(name) != 1:
        return None
    rest = position - variable(name, size)
    if name in rest.uses or rest.constant % width or any(c % width for _, c in rest.terms):
        return None
    return rest


def widest(accesses: Iterable[tuple[int, int, Index]], name: str, size: int, ragged: bool = False) -> int:
    """How many neighbours along the variable are worth taking together: as many as all large accesses allow.

    `accesses` are (elements of the tensor, bytes of an element, position); `ragged`: the last ones may be fewer.
    """
    found = list(accesses)
    largest = max((numel for numel, _, _ in found), default=1)
    large = [(item, position) for numel, item, position in found if 2 * numel >= largest and name in position.uses]
    for width in (8, 4, 2):
        fits = large and all(width * item <= _BYTES for item, _ in large)
        whole = ragged or size % width == 0
        aligned = all(aligned_rest(position, name, size, width) is not None for _, position in large)
        if fits and whole and aligned and size >= width:
            return width
    return 1
