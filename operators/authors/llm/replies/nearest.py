"""The lines of a file that look most like some others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_MOST_LINES = 24
_PIECE = re.compile(r"[A-Za-z]+|\d+|[^\w\s]")


def nearest(lines: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """As many neighbouring lines of `lines` as are wanted (24 at the most), those whose texts are most alike."""
    wanted = [line for line in wanted if line.strip()][:_MOST_LINES] or list(wanted[:1])
    given, sought = list(map(_pieces, lines)), list(map(_pieces, wanted))
    size = min(len(wanted), len(lines))
    # Line by line: a line that is there but elsewhere does not count.
    scores = [
        sum(_likeness(given[start + k], sought[k]) for k in range(size)) for start in range(len(lines) - size + 1)
    ]
    best = max(range(len(scores)), key=scores.__getitem__)
    return list(lines[best : best + size])


def _pieces(line: str) -> Counter[str]:
    """Words, numbers and signs, to be compared in no order: as good here as differences of texts, and far faster."""
    return Counter(_PIECE.findall(line[:400]))


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """0 to 1."""
    total = one.total() + other.total()
    return 2 * sum(min(count, other[piece]) for piece, count in one.items() if piece in other) / total if total else 0.0
