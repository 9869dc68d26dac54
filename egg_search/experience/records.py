"""What is remembered of a campaign."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Situation:
    """Where a campaign took place. `hardware` is the device's model; `kernels` are kinds of kernels; `bound` is
    "memory" or "compute"; "" and () are not known."""

    problem: str  # its id
    kind: str  # of hardware: cpu, cuda
    hardware: str
    kernels: tuple[str, ...] = ()
    bound: str = ""
    dtype: str = ""


@dataclass(frozen=True)
class Outcome:
    """Of one principle in one campaign: `tried` candidates followed it, and those in `gains` (logs of speedups over
    their parents) won: they were faster beyond noise."""

    principle: str
    tried: int
    gains: tuple[float, ...] = ()


@dataclass(frozen=True)
class CampaignRecord:
    id: str
    name: str  # of the problem, for people
    at: float  # Unix time
    situation: Situation
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Told:
    """An outcome, and where it came about."""

    outcome: Outcome
    situation: Situation
