"""The lines that say what a change is and which principles it follows."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CHANGE = re.compile(r"^[\s*_#>-]*CHANGE[\s*_]*:[\s*_]*(?P<text>.+?)[\s*_]*$", re.MULTILINE)
_PRINCIPLES = re.compile(r"^[\s*_#>-]*PRINCIPLES?[\s*_]*:(?P<text>.*)$", re.MULTILINE)
_CHARACTERS = 200


def read_change(text: str, otherwise: str) -> str:
    """One line of at most 200 characters."""
    match = _CHANGE.search(text)
    return one_line(match["text"] if match else "") or one_line(otherwise) or "no word on what changed"


def read_principles(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Those of `known` that the reply names, in its order."""
    match = _PRINCIPLES.search(text)
    named, names = re.findall(r"[a-z0-9][a-z0-9-]*", match["text"] if match else ""), set(known)
    return tuple(dict.fromkeys(name for name in named if name in names))


def one_line(text: str, characters: int = _CHARACTERS) -> str:
    """Printable, without line breaks, cut at so many characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= characters else line[: characters - 3] + "..."
