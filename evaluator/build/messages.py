"""From a compiler's output to one line that says what is wrong."""

from __future__ import annotations

_MARKS = ("fatal error:", "error:", "undefined reference", "Error:")
REASON_CHARACTERS = 300


def reason_of(exception: str, printed: str) -> str:
    """The first line that looks like a compiler's error, in the exception's text or else in what was printed; then
    the exception's own first line."""
    lines = [line.strip() for line in exception.splitlines() if line.strip()]
    found = _first_error(lines[1:]) or _first_error([line.strip() for line in printed.splitlines()])
    first = lines[0] if lines else "no message"
    reason = f"{found} ({first})" if found and found not in first else first
    return reason[:REASON_CHARACTERS]


def _first_error(lines: list[str]) -> str:
    for mark in _MARKS:
        for line in lines:
            if mark in line:
                return line
    return ""
