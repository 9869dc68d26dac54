"""Ceilings as measured on an H200, and records to describe."""

from __future__ import annotations

from egg_search.core.verdict import Errors, Interval, PrecisionClass, Timing
from evaluator.roofline.ceilings import Ceilings

H200 = Ceilings(
    copy_bandwidth=4.28e12,
    read_bandwidth=4.4e12,
    pin_bandwidth=4.9e12,
    fp32=51e12,
    tf32=394e12,
    bf16=780e12,
    fp64=60e12,
    launch_us=2.2,
    multiprocessors=132,
    l2_bytes=60 << 20,
)


def timing(ms: float) -> Timing:
    return Timing(Interval(ms, ms, ms), {"eager": 2 * ms}, {"eager": Interval(2.0, 2.0, 2.0)}, 20, 0.01)


def errors(precision: PrecisionClass = PrecisionClass.FAITHFUL) -> Errors:
    return Errors(1e-7, 1e-7, 0.5, 1e-7, precision)
