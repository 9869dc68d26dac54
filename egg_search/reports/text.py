"""How numbers read."""

from __future__ import annotations

from math import isnan


def milliseconds(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.4g}"


def ratio(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.2f}x"
