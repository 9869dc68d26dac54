"""How near a call comes to what its device can do, and what holds it up. Information, never part of a judgement.

`ceilings.py` what the GPU reaches    `work.py` the least work of a problem    `efficiency.py` one over the other
`profile.py` its kernels              `diagnosis.py` what follows, in words
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from egg_search.core.verdict import Errors, Timing
from evaluator.roofline.ceilings import Ceilings
from evaluator.roofline.diagnosis import diagnose
from evaluator.roofline.efficiency import Efficiency, efficiency
from evaluator.roofline.profile import Profile

if TYPE_CHECKING:
    from evaluator.roofline.work import LeastWork

_SHOWN = 8  # kernels


def describe(
    timing: Timing,
    errors: Errors,
    work: LeastWork | None,
    ceilings: Ceilings | None,
    kernels: Profile | None,
    launch_us: float | None = None,
) -> dict[str, Any]:
    """What a verdict's `resources` say of it, as JSON can hold it; entries that are not known are missing.

    "roofline": `gb_s` and `tflop_s` are the least work over the time, `fraction` of the lower roof, which is that of
    `bound`; `ceiling` names how the compute roof is reached, and `fp32_fraction` is the share of float32 units' one.
    "kernels": `launches` and their `us` in all, and the `longest` ones. "diagnosis": `bottleneck` and `evidence`.
    `launch_us` is how long it takes until all is launched; None: not known.
    """
    found: dict[str, Any] = {}
    if kernels is not None:
        longest = [each.to_json() for each in kernels.kernels[:_SHOWN]]
        found["kernels"] = {"launches": kernels.launches, "us": round(kernels.microseconds, 3), "longest": longest}
    if work is None or ceilings is None:
        return found
    reached = efficiency(timing.ms.value / 1000, errors.precision, work, ceilings)
    diagnosis = diagnose(reached, kernels, ceilings, launch_us)
    found["roofline"] = _roofline(reached)
    found["diagnosis"] = {"bottleneck": str(diagnosis.bottleneck), "evidence": list(diagnosis.evidence)}
    return found


def _roofline(reached: Efficiency) -> dict[str, Any]:
    rates = {"gb_s": reached.bytes_per_second / 1e9, "tflop_s": reached.flops_per_second / 1e12}
    fractions = {"fraction": reached.fraction, "fp32_fraction": reached.fp32_fraction}
    rounded = {name: float(f"{value:.4g}") for name, value in (rates | fractions).items()}
    return {**rounded, "bound": reached.bound, "ceiling": reached.way}
