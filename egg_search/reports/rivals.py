"""Which baselines a result is compared with: those that are as exact as its precision class asks for."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from egg_search.core.verdict import PrecisionClass
from egg_search.reports.summary import COMPILE, EAGER

_STRICT, _TF32, _TUNED = "eager_fp32", "eager_tf32", "max_autotune"


class Rivals(NamedTuple):
    """Names of baselines; one that was not measured has no time. `tuned` is measured on request."""

    eager: str
    compile: str
    tuned: str


SHIPPED = Rivals(EAGER, COMPILE, _TUNED)


def is_tuned(baselines: Collection[str]) -> bool:
    """Whether torch.compile was asked to choose among many kernels, too."""
    return _TUNED in baselines


def has_classes(baselines: Collection[str]) -> bool:
    """Whether the device has ways to compute that are exact to different degrees, each with baselines of its own."""
    return _STRICT in baselines or _TF32 in baselines


def rivals(precision: PrecisionClass, baselines: Collection[str]) -> Rivals:
    """`baselines` are the names of those that were measured. Where TF32 exists, strict float32 is the rival of what is
    faithful, and TF32 of everything that is less exact; elsewhere there is one eager and one torch.compile."""
    if not has_classes(baselines):
        return SHIPPED
    if precision is PrecisionClass.FAITHFUL:
        return Rivals(_STRICT, COMPILE, _TUNED)
    return Rivals(_TF32, "compile_tf32", "max_autotune_tf32")
