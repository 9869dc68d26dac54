"""Budgets: durations in a user's notation, and the clock that a campaign runs down."""

from __future__ import annotations

import re
import time

from egg_search.core.errors import UserError

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.IGNORECASE)


def parse_duration(text: str) -> float:
    """Seconds of "90s", "5m", "1h30m" or "2d". Raises UserError for anything else and for zero."""
    match = _DURATION.fullmatch(text.replace(" ", ""))
    seconds = sum(float(n or 0) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True)) if match else 0
    if not seconds:
        raise UserError(f"{text!r} is no duration; write for example 90s, 5m, 1h30m or 2d")
    return seconds


def format_duration(seconds: float) -> str:
    """Seconds as `parse_duration` reads them, to the second: 5400 is "1h30m"."""
    left, parts = round(seconds), []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


class Stopwatch:
    """Seconds of search: those of earlier sessions, and since `start`."""

    def __init__(self, before: float) -> None:
        self._before, self._started = before, time.monotonic()

    @property
    def elapsed(self) -> float:
        return self._before + time.monotonic() - self._started
