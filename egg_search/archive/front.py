"""The Pareto front over (speed, error)."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log2

from egg_search.archive.elite import Elite

_EXACT = 2.0**-40  # float32 outputs cannot be more exact than this, so smaller errors are equal


def pareto_front(elites: Iterable[Elite]) -> list[Elite]:
    """The non-dominated, fastest first: each next one is slower and more exact. Of equals the first stays."""
    front: list[Elite] = []
    for elite in sorted(elites, key=lambda e: (-e.score, error_rank(e))):
        if not front or error_rank(elite) < error_rank(front[-1]):
            front.append(elite)
    return front


def error_rank(elite: Elite) -> tuple[int, int]:
    """How errors compare: by precision class, then by power of two of the error in norm.

    A tenth less error within the noise of summation orders is no reason to keep a slower kernel.
    """
    return elite.precision.rank, floor(log2(max(elite.verdict.errors.norm, _EXACT)))
