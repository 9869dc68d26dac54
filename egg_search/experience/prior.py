"""What earlier campaigns let a new one expect of a principle."""

from __future__ import annotations

from collections.abc import Iterable

from egg_search.experience.records import Situation, Told

MOST = 4.0  # observations that all experience together counts for: a few of this campaign outweigh it
SAME_KIND, OTHER_KIND = 0.4, 0.1  # of hardware; the same model: 1
OTHER_KERNELS, OTHER_DTYPE, OTHER_BOUND = 0.2, 0.5, 0.5


def prior(told: Iterable[Told], here: Situation, full_reward: float) -> tuple[float, float]:
    """Successes and failures. Each candidate that followed the principle counts as much as its situation resembles
    `here`; a win is a success by its share of `full_reward` (a gain)."""
    successes = tried = 0.0
    for each in told:
        weight = resemblance(each.situation, here)
        tried += weight * each.outcome.tried
        successes += weight * sum(min(1.0, gain / full_reward) for gain in each.outcome.gains)
    scale = min(1.0, MOST / tried) if tried else 0.0
    return scale * successes, scale * max(0.0, tried - successes)


def resemblance(there: Situation, here: Situation) -> float:
    """In (0, 1]: of hardware, times that of problems. What is not known does not count against it."""
    if there.hardware == here.hardware and there.kind == here.kind:
        hardware = 1.0
    else:
        hardware = SAME_KIND if there.kind == here.kind else OTHER_KIND
    return hardware * (1.0 if there.problem == here.problem else _alike(there, here))


def _alike(there: Situation, here: Situation) -> float:
    one, other = set(there.kernels), set(here.kernels)
    shared = len(one & other) / len(one | other) if one and other else 1.0
    alike = OTHER_KERNELS + (1 - OTHER_KERNELS) * shared
    alike *= OTHER_DTYPE if there.dtype and here.dtype and there.dtype != here.dtype else 1.0
    return alike * (OTHER_BOUND if there.bound and here.bound and there.bound != here.bound else 1.0)
