"""Estimates from samples of times. All times in one session share a machine state, so ratios are what can be known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from egg_search.core.verdict import Interval

_RESAMPLES = 400
_TAIL = 2.5  # percent on either side: a 95 % interval


def ratio_interval(
    over: Sequence[float], under: Sequence[float], quantile: float, random: np.random.Generator
) -> Interval:
    """quantile(over) / quantile(under) with its bootstrap interval; the sides are resampled independently."""
    value = float(np.quantile(over, quantile) / np.quantile(under, quantile))
    return _interval(value, _bootstrap(over, quantile, random) / _bootstrap(under, quantile, random))


def margin_of(first: Sequence[float], second: Sequence[float], quantile: float) -> float:
    """The A/A margin: how far from 1 the ratio of two sides that run the same code came out (0.05 is 5 %)."""
    ratio = float(np.quantile(first, quantile) / np.quantile(second, quantile))
    return max(ratio, 1 / ratio) - 1


def relative_width(interval: Interval) -> float:
    return (interval.high - interval.low) / interval.value


def _bootstrap(samples: Sequence[float], quantile: float, random: np.random.Generator) -> np.ndarray:
    values = np.asarray(samples, dtype=np.float64)
    drawn = values[random.integers(len(values), size=(_RESAMPLES, len(values)))]
    return np.quantile(drawn, quantile, axis=1)


def _interval(value: float, resampled: np.ndarray) -> Interval:
    low, high = np.percentile(resampled, [_TAIL, 100 - _TAIL])
    return Interval(value, min(value, float(low)), max(value, float(high)))
