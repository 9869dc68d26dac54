"""How many tokens a text has, about, and what of a list fits so many."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

_CHARACTERS, _TOKENS_OF_WORD = 3.6, 1.3  # of code and of prose, on the safe side for common tokenisers


def estimate(text: str) -> int:
    return ceil(max(len(text) / _CHARACTERS, len(text.split()) * _TOKENS_OF_WORD))


def fitting(texts: Iterable[str], budget: int) -> list[str]:
    """The longest head of the list whose estimates add up to `budget` tokens at the most."""
    kept = []
    for text in texts:
        budget -= estimate(text) + 1
        if budget < 0:
            break
        kept.append(text)
    return kept


def clipped(text: str, budget: int) -> str:
    """The text, its middle left out where it is longer than `budget` tokens: messages say what matters at both ends."""
    shown, half = text, int(budget * _CHARACTERS / 2)
    while estimate(shown) > budget and half > 8:
        shown, half = f"{text[:half]}\n[...]\n{text[-half:]}", int(half * 0.8)
    return shown
