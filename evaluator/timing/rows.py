"""Rows of calls, for a claim of a worker's that the wall clock cannot check in a single short call."""

from __future__ import annotations

from collections.abc import Callable

from evaluator.timing.samples import Rows, Samples

_NULLS = 3  # at first: what one alone is off by would bear out a claim


def take_rows(
    samples: Samples, count: int, most: int, row: Callable[[], float | None], null: Callable[[], float]
) -> None:
    """Takes rows of `count` calls of the suspect's until one bears out what it claims, at most so many. `row` and
    `null` return raw seconds (None: there are no inputs for another one); a null call delivers what a row does."""
    rows = Rows(count, nulls=[null() for _ in range(_NULLS)])
    while len(rows.raw) < most:
        seconds = row()
        if seconds is None:
            break
        rows.raw.append(seconds)
        rows.nulls.append(null())
        if rows.bear_out(samples.claimed(samples.suspect)):
            break
    samples.rows = rows  # without any a claim is not borne out
