"""An elite: a judged configuration that is worth keeping, and how elites compare."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from egg_search.core.step import Job
from egg_search.core.verdict import Interval, PrecisionClass, Verdict

BASELINE = "eager"  # scores are against it


@dataclass(frozen=True)
class Elite:
    """`signature` is the candidate's structure. `verdict` is ok."""

    job: Job
    signature: str
    verdict: Verdict

    @property
    def score(self) -> float:
        return score(self.verdict)

    @property
    def floor(self) -> float:
        """The score at the lower bound of its interval: what a lucky few samples cannot raise."""
        return log(speedup(self.verdict).low)

    @property
    def precision(self) -> PrecisionClass:
        return self.verdict.errors.precision

    @property
    def ms(self) -> float:
        return self.verdict.timing.ms.value


def speedup(verdict: Verdict) -> Interval:
    """Over the session's eager, on the scale of `Timing.ms`, which screening and full judgements share."""
    timing = verdict.timing
    ms, eager = timing.ms, timing.baselines_ms.get(BASELINE, 1.0)
    return Interval(eager / ms.value, eager / ms.high, eager / ms.low)


def score(verdict: Verdict) -> float:
    """What a campaign maximises: the log of the speedup over eager. Raises AttributeError unless `verdict` is ok."""
    return log(speedup(verdict).value)


def gained(new: Verdict, old: Verdict | None) -> float:
    """The log of the speedup of `new` over `old` (None: over eager) where that is beyond noise, else 0. Both are ok."""
    if old is not None:
        return score(new) - score(old) if is_faster(new, old) else 0.0
    return score(new) if speedup(new).low > 1.0 and speedup(new).value > 1.0 + new.timing.margin else 0.0


def is_faster(new: Verdict, old: Verdict) -> bool:
    """Beyond noise: the lower bound above the old value, and by more than either session's A/A margin."""
    margin = 1.0 + max(new.timing.margin, old.timing.margin)
    return speedup(new).low > speedup(old).value and speedup(new).value > margin * speedup(old).value
