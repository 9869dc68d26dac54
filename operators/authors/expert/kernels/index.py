"""Index arithmetic: integer expressions over loop variables, kept affine as far as ranges allow.

An index of a node is a tuple of `Index`, one an axis. `linear` and `unravel` go between it and the row-major position.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd


@dataclass(frozen=True)
class Atom:
    """What an index is a sum of: a loop variable, or the text of something that is not affine, with its range.

    `text` divides as C does; `written` takes another sign. `uses` are the names of the loop variables that the text
    depends on; a loop variable uses itself. `inner` is set where the text is an affine expression after all, whose
    range is known better than its variables say.
    """

    text: str
    low: int
    high: int  # inclusive
    uses: frozenset[str]
    is_variable: bool = False
    inner: Index | None = None
    division: tuple[str, Index, int] | None = None  # ("/" or "%", dividend, divisor)

    def __hash__(self) -> int:
        return hash(self.text)  # that of all fields would go through nested divisions, on every look-up

    def written(self, slash: str) -> str:
        if self.division:
            sign, dividend, divisor = self.division
            return f"({dividend.written(slash)} {slash if sign == '/' else sign} {divisor})"
        return self.inner.written(slash) if self.inner else self.text


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
        """An expression in C, in parentheses unless it is a single word."""
        return self.written("/")

    def written(self, slash: str) -> str:
        """The expression with `slash` as the sign of integer division; no dividend is negative where it counts."""
        parts = [a.written(slash) if c == 1 else f"{c}*{a.written(slash)}" for a, c in self.terms]
        if self.constant or not parts:
            parts.append(str(self.constant))
        joined = " + ".join(parts).replace("+ -", "- ")
        single = len(parts) == 1 and self.terms and self.terms[0][1] == 1
        return joined if single or joined.isdigit() else f"({joined})"

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
        quotient = _index({a: c // divisor for a, c in whole.terms}, whole.constant // divisor)
        return quotient if 0 <= rest.low <= rest.high < divisor else quotient + _division("/", rest, divisor)

    def __mod__(self, divisor: int) -> Index:
        _, rest = self._split(divisor)
        return rest if 0 <= rest.low <= rest.high < divisor else _division("%", rest, divisor)

    def _split(self, divisor: int) -> tuple[Index, Index]:
        """The part whose coefficients are multiples of `divisor`, and the rest."""
        whole = {a: c for a, c in self.terms if c % divisor == 0}
        rest = {a: c for a, c in self.terms if c % divisor}
        base = self.constant // divisor * divisor
        return _index(whole, base), _index(rest, self.constant - base)


def _index(terms: dict[Atom, int], constant: int) -> Index:
    kept = sorted(((a, c) for a, c in _rejoined(terms).items() if c), key=lambda t: (-abs(t[1]), t[0].text))
    return Index(tuple(kept), constant)


def _rejoined(terms: dict[Atom, int]) -> dict[Atom, int]:
    """(x / k) * k + x % k is x, so that a split index becomes whole again."""
    for atom, c in terms.items():
        if atom.division and atom.division[0] == "%" and c:
            _, dividend, divisor = atom.division
            quotient = _division("/", dividend, divisor).terms[0][0]
            if terms.get(quotient) == c * divisor:
                rest = {a: k for a, k in terms.items() if a not in (atom, quotient)}
                for inner, k in dividend.terms:
                    rest[inner] = rest.get(inner, 0) + k * c
                return _rejoined(rest) if not dividend.constant else terms
    return terms


def _division(sign: str, dividend: Index, divisor: int) -> Index:
    """dividend / divisor or dividend % divisor as one atom, with common factors taken out."""
    common = gcd(divisor, dividend.constant, *(c for _, c in dividend.terms))
    if common > 1:
        dividend = Index(tuple((a, c // common) for a, c in dividend.terms), dividend.constant // common)
        divisor //= common
    low, high = (dividend.low // divisor, dividend.high // divisor) if sign == "/" else (0, divisor - 1)
    text = f"({dividend.text} {sign} {divisor})"
    atom = Atom(text, low, high, dividend.uses, division=(sign, dividend, divisor))
    return Index(((atom, 1 if sign == "/" else common),))


def variable(name: str, size: int) -> Index:
    """The loop variable `name` over range(size); the constant 0 when there is only one value."""
    return Index() if size == 1 else Index(((Atom(name, 0, size - 1, frozenset([name]), True), 1),))


def opaque(text: str, low: int, high: int, uses: Iterable[str] = ()) -> Index:
    """An integer known only by its text and its inclusive range."""
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
    return _unravelled(position, tuple(shape))


@lru_cache(maxsize=1 << 14)  # nests that grow node by node ask the same again
def _unravelled(position: Index, shape: tuple[int, ...]) -> tuple[Index, ...]:
    result: list[Index] = []
    for size in reversed(shape):
        result.append(Index() if size == 1 else position % size)
        position = position if size == 1 else position // size
    return tuple(reversed(result))


def aligned(index: Sequence[Index], shape: Sequence[int]) -> tuple[Index, ...]:
    """The index into an operand of `shape` that broadcasts, as in NumPy, against the owner of `index`."""
    tail = tuple(index)[len(index) - len(shape) :]
    return tuple(Index() if size == 1 else i for i, size in zip(tail, shape, strict=True))
