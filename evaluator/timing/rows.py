"""Rows of calls, for a claim of a worker's that the wall clock cannot check in a single short call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluator.timing.samples import Rows, Samples

_NULLS = 3  # at first: what one alone is off by would bear out a claim
# What is missing from a trusted row's time where the device does not wait: a share of the hold, or of the row if that
# is more. Parameters that stay in the cache from call to call make a row a little faster than its calls.
_HIDES, _MOST_HIDES, _OF_ROW = 0.25, 0.5, 0.5


@dataclass(frozen=True)
class Trusted:
    """A row of a baseline's calls, which take `claimed` seconds each, before which the device was `held` for a while:
    its `raw` seconds tell whether nothing ran meanwhile."""

    raw: float
    claimed: float
    held: float

    def hidden(self, count: int, null: float) -> float:
        """Seconds of a row that the wall clock may not see: all that the device was held for, if some of the baseline's
        own are missing. Kernels of two processes may run at once where a driver is set up for that."""
        told = count * self.claimed
        usual = min(_MOST_HIDES * self.held, max(_HIDES * self.held, _OF_ROW * told))
        return self.held if told - (self.raw - null) > usual else 0.0


def take_rows(
    samples: Samples,
    count: int,
    most: int,
    row: Callable[[], float | None],
    null: Callable[[], float],
    trusted: Trusted,
) -> None:
    """Takes rows of `count` calls of the suspect's until one bears out what it claims, at most so many. `row` and
    `null` return raw seconds (None: there are no inputs for another one); a null call delivers what a row does."""
    rows = Rows(count, nulls=[null() for _ in range(_NULLS)])
    rows.hidden = trusted.hidden(count, float(np.median(rows.nulls)))
    while len(rows.raw) < most:
        seconds = row()
        if seconds is None:
            break
        rows.raw.append(seconds)
        rows.nulls.append(null())
        if rows.bear_out(samples.claimed(samples.suspect)):
            break
    samples.rows = rows  # without any a claim is not borne out
