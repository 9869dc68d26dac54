"""Which baselines a result is compared with: those that are as exact as its precision class asks for."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from egg_search.core.verdict import PrecisionClass
from egg_search.reports.summary import COMPILE, EAGER

_STRICT, _TF32 = "eager_fp32", "eager_tf32"


class Rivals(NamedTuple):
    """Names of baselines; one that was not measured has no time."""

    eager: str
    compile: str


def has_classes(baselines: Collection[str]) -> bool:
    """Whether the device has ways to compute that are exact to different degrees, each with baselines of its own."""
    return _STRICT in baselines or _TF32 in baselines


def rivals(precision: PrecisionClass, baselines: Collection[str]) -> Rivals:
    """`baselines` are the names of those that were measured. Where TF32 exists, strict float32 is the rival of what is
    faithful, and TF32 of everything that is less exact; elsewhere there is one eager and one torch.compile."""
    if not has_classes(baselines):
        return Rivals(EAGER, COMPILE)
    return Rivals(_STRICT, COMPILE) if precision is PrecisionClass.FAITHFUL else Rivals(_TF32, "compile_tf32")
