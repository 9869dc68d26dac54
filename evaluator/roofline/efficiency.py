"""How near a call comes to what its GPU can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egg_search.core.verdict import PrecisionClass
from evaluator.roofline.ceilings import Ceilings

if TYPE_CHECKING:  # what counts work is slow to import, and workers have no use for it
    from evaluator.roofline.work import LeastWork

# How many products of a kind add up to one of float32 that is this exact (a factor split into two or three parts).
_PRODUCTS: Mapping[PrecisionClass, Mapping[str, int]] = {
    PrecisionClass.FAITHFUL: {"fp32": 1, "tf32": 3, "bf16": 6},
    PrecisionClass.TF32: {"tf32": 1, "bf16": 3},
    PrecisionClass.HALF: {"tf32": 1, "bf16": 1},
    PrecisionClass.LOOSE: {"tf32": 1, "bf16": 1},
}


@dataclass(frozen=True)
class Efficiency:
    """Of one call that takes `seconds`. Rates are the least work over the time, whatever was really moved or computed;
    bounds are the seconds that it takes at the ceilings: `bandwidth` (bytes a second, for this mix of reads and writes)
    and `rate` (flops a second).

    The compute ceiling is that of the fastest way to the verdict's precision: `way` is "bf16 / 6" where six products in
    bfloat16 on tensor cores give one that is as exact as float32. That may be far above what float32 units reach, so
    `fp32_fraction`, the share of their ceiling, may be above 1. `fraction` may be so too when results stay in the L2
    cache, or an algorithm needs fewer flops than the problem as written.
    """

    seconds: float
    bytes: int
    flops: int
    bandwidth: float
    rate: float
    way: str
    fp32: float
    l2_bytes: int

    @property
    def bytes_per_second(self) -> float:
        return self.bytes / self.seconds

    @property
    def flops_per_second(self) -> float:
        return self.flops / self.seconds

    @property
    def memory_fraction(self) -> float:
        return self.bytes_per_second / self.bandwidth

    @property
    def compute_fraction(self) -> float:
        return self.flops_per_second / self.rate

    @property
    def fp32_fraction(self) -> float:
        return self.flops_per_second / self.fp32

    @property
    def bound(self) -> str:
        """Which roof is the lower one: "memory" or "compute"."""
        return "compute" if self.compute_fraction > self.memory_fraction else "memory"

    @property
    def fraction(self) -> float:
        """Of the roofline."""
        return max(self.memory_fraction, self.compute_fraction)

    @property
    def in_cache(self) -> bool:
        """Whether all that moves fits the L2 cache."""
        return self.bytes <= self.l2_bytes


def efficiency(seconds: float, precision: PrecisionClass, work: LeastWork, ceilings: Ceilings) -> Efficiency:
    """Raises ValueError for a time that is not positive."""
    if not seconds > 0:
        raise ValueError(f"a call of {seconds} s")
    way, rate = compute_ceiling(precision, work.operand_bytes, ceilings)
    share = work.written_bytes / work.bytes if work.bytes else 0.0
    bandwidth = ceilings.bandwidth(share)
    return Efficiency(seconds, work.bytes, work.flops, bandwidth, rate, way, ceilings.fp32, ceilings.l2_bytes)


def compute_ceiling(precision: PrecisionClass, operand_bytes: int, ceilings: Ceilings) -> tuple[str, float]:
    """The fastest way to products of this precision, and its rate in flops a second of useful work."""
    if operand_bytes == 8 and precision is PrecisionClass.FAITHFUL:
        return "fp64", ceilings.fp64
    if operand_bytes <= 2:
        return "bf16", ceilings.bf16
    rates = {name: getattr(ceilings, name) / count for name, count in _PRODUCTS[precision].items()}
    best = max(rates, key=rates.__getitem__)
    count = _PRODUCTS[precision][best]
    return (best if count == 1 else f"{best} / {count}"), rates[best]
