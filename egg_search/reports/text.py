"""How numbers are written."""

from __future__ import annotations

from math import isfinite, isnan
from typing import Any

from egg_search.core.survey import Survey


def milliseconds(value: float | None, rough: bool = False) -> str:
    return "-" if value is None or isnan(value) else f"{'~' if rough else ''}{value:.4g}"


def ratio(value: float | None, rough: bool = False) -> str:
    """`rough` marks a value that a busy machine, or others on the same device, left uncertain."""
    return "-" if value is None or isnan(value) else f"{'~' if rough else ''}{value:.2f}x"


def survey_lines(survey: Survey) -> list[str]:
    """What to know of a problem besides its baselines: one line each."""
    missing = [f"no baseline {name}: {' '.join(why.split())}" for name, why in survey.failures.items()]
    return [*survey.cluster, *(f"degenerate problem: {note}" for note in survey.notes), *missing]


def jsonable(value: Any) -> Any:
    """`value` with None for every number that JSON cannot hold (nan: not measured)."""
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(each) for each in value]
    return value
