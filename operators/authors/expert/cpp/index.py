"""Index arithmetic: integer expressions over loop variables, kept affine as far as ranges allow.

An index of a node is a tuple of `Index`, one an axis. `linear` and `unravel` go between it and the row-major position.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd


@dataclass(frozen=True)
class Atom:
    """What an index is a sum of: a loop variable, or the text of something that is not affine, with its range.

    `uses` are the names of the loop variables that the text depends on; a loop variable uses itself. `inner` is set
    where the text is an affine expression after all, whose range is known better than its variables say.
    """

    text: str
    low: int
    high: int  # inclusive
    uses: frozenset[str]
    is_variable: bool = False
    inner: Index | None = None


@dataclass(frozen=True)
class Index:
    """sum(coefficient * atom) + constant."""

    terms: tuple[tuple[Atom, int], ...] = ()
    constant: int = 0

    @property
    def low(self) -> int:
        return self.constant + sum(c * (a.low if c > 0 else a.high) for a, c in self.terms)

    @property
    def high(self) -> int:
        return self.constant + sum(c * (a.high if c > 0 else a.low) for a, c in self.terms)

    @property
    def uses(self) -> frozenset[str]:
        return frozenset().union(*(a.uses for a, _ in self.terms))

    @property
    def text(self) -> str:
        """A C++ expression of type long, in parentheses unless it is a single word."""
        parts = [a.text if c == 1 else f"{c}*{a.text}" for a, c in self.terms]
        if self.constant or not parts:
            parts.append(str(self.constant))
        joined = " + ".join(parts).replace("+ -", "- ")
        return joined if len(parts) == 1 and joined.lstrip("-").isidentifier() or joined.isdigit() else f"({joined})"

    def coefficient(self, name: str) -> int | None:
        """The coefficient of the loop variable `name`; None when the dependence on it is not affine."""
        total = 0
        for atom, c in self.terms:
            if name in atom.uses:
                inner = 1 if atom.is_variable else atom.inner and atom.inner.coefficient(name)
                if inner is None:
                    return None
                total += c * inner
        return total

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.terms, self.constant + other)
        total = dict(self.terms)
        for atom, c in other.terms:
            total[atom] = total.get(atom, 0) + c
        return _index(total, self.constant + other.constant)

    def __mul__(self, factor: int) -> Index:
        return _index({a: c * factor for a, c in self.terms}, self.constant * factor)

    def __sub__(self, other: Index | int) -> Index:
        return self + (-other if isinstance(other, int) else other * -1)

    def __floordiv__(self, divisor: int) -> Index:
        whole, rest = self._split(divisor)
        if 0 <= rest.low and rest.high < divisor:
            return _index({a: c // divisor for a, c in whole.terms}, whole.constant // divisor)
        outer = _index({a: c // divisor for a, c in whole.terms}, whole.constant // divisor)
        common = gcd(divisor, rest.constant, *(c for _, c in rest.terms))
        if common > 1:
            return outer + _index({a: c // common for a, c in rest.terms}, rest.constant // common) // (
                divisor // common
            )
        return outer + opaque(f"({rest.text} / {divisor})", rest.low // divisor, rest.high // divisor, rest.uses)

    def __mod__(self, divisor: int) -> Index:
        _, rest = self._split(divisor)
        if 0 <= rest.low and rest.high < divisor:
            return rest
        common = gcd(divisor, rest.constant, *(c for _, c in rest.terms))
        if common > 1:
            inner = _index({a: c // common for a, c in rest.terms}, rest.constant // common)
            return inner % (divisor // common) * common
        return opaque(f"({rest.text} % {divisor})", 0, divisor - 1, rest.uses)

    def _split(self, divisor: int) -> tuple[Index, Index]:
        """The part whose coefficients are multiples of `divisor`, and the rest."""
        whole = {a: c for a, c in self.terms if c % divisor == 0}
        rest = {a: c for a, c in self.terms if c % divisor}
        base = self.constant // divisor * divisor
        return _index(whole, base), _index(rest, self.constant - base)


def _index(terms: dict[Atom, int], constant: int) -> Index:
    kept = sorted(((a, c) for a, c in terms.items() if c), key=lambda t: (-abs(t[1]), t[0].text))
    return Index(tuple(kept), constant)


def variable(name: str, size: int) -> Index:
    """The loop variable `name` over range(size); the constant 0 when there is only one value."""
    return Index() if size == 1 else Index(((Atom(name, 0, size - 1, frozenset([name]), True), 1),))


def opaque(text: str, low: int, high: int, uses: Iterable[str] = ()) -> Index:
    """An integer known only by its C++ text and its inclusive range."""
    return Index(constant=low) if low == high else Index(((Atom(text, low, high, frozenset(uses)), 1),))


def ranged(index: Index, low: int, high: int) -> Index:
    """`index`, known to stay in the inclusive range where it is used: as one atom with that range."""
    if (low <= index.low and index.high <= high) or not index.terms:
        return index
    return Index(((Atom(index.text, low, high, index.uses, inner=index), 1),))


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides in elements."""
    result, step = [], 1
    for size in reversed(shape):
        result.append(step)
        step *= size
    return tuple(reversed(result))


def linear(index: Sequence[Index], shape: Sequence[int]) -> Index:
    """The row-major position of `index` in a dense tensor."""
    total = Index()
    for i, step in zip(index, strides(shape), strict=True):
        total = total + i * step
    return total


def unravel(position: Index, shape: Sequence[int]) -> tuple[Index, ...]:
    """The index whose row-major position is `position`."""
    result = []
    for size, step in zip(shape, strides(shape), strict=True):
        result.append(Index() if size == 1 else position // step % size)
    return tuple(result)


def aligned(index: Sequence[Index], shape: Sequence[int]) -> tuple[Index, ...]:
    """The index into an operand of `shape` that broadcasts, as in NumPy, against the owner of `index`."""
    tail = tuple(index)[len(index) - len(shape) :]
    return tuple(Index() if size == 1 else i for i, size in zip(tail, shape, strict=True))
