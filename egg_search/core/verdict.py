"""What the evaluator says of a configuration: one outcome from a closed list, and for `ok` what was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """The closed list. Only `OK` carries timings and errors, and only `OK` enters an archive."""

    OK = "ok"
    REFUSED = "refused"  # broke a rule before anything ran: constraint, structure, static check
    BUILD_FAILED = "build failed"
    BUILD_TIMEOUT = "build timed out"
    LOAD_FAILED = "load failed"  # import, constructor or state dict
    RAISED = "raised"  # forward raised an exception
    CRASHED = "crashed"  # the process died
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    WRONG_FORM = "wrong form"  # number, shape or dtype of outputs
    WRONG_VALUES = "wrong values"
    NONDETERMINISTIC = "nondeterministic"
    PROTOCOL = "protocol violation"  # the process said something that no honest worker says


class PrecisionClass(StrEnum):
    """How exact, relative to PyTorch itself, best first. `LOOSE` is wrong unless a campaign allows it."""

    FAITHFUL = "faithful"  # no worse than strict-fp32 eager
    TF32 = "tf32"  # no worse than TF32 eager
    HALF = "half"
    LOOSE = "loose"

    @property
    def rank(self) -> int:
        return list(PrecisionClass).index(self)


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap confidence interval (95 %)."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"interval out of order: {self.low} {self.value} {self.high}")


@dataclass(frozen=True)
class Errors:
    """Errors of float outputs against float64: `limit_ratio` and `precision` the worst over all checked inputs, the
    others the worst over the problem's own inputs (on ill-conditioned ones they would tell of the inputs).

    `norm` is |c-t|/|t|; `worst` the largest |c-t| over its row's largest |t|; `limit_ratio` the largest
    |c-t| over the faithful limit of its row (1.0 is just faithful); `eager_norm` what strict eager reaches.
    """

    norm: float
    worst: float
    limit_ratio: float
    eager_norm: float
    precision: PrecisionClass


@dataclass(frozen=True)
class Timing:
    """Milliseconds per call, the candidate's and each baseline's, from one interleaved session.

    `speedups` maps a baseline's name to baseline time over candidate time. `samples` is per side.
    `margin` is the session's A/A margin (0.05 is 5 %): a win smaller than it is noise.
    """

    ms: Interval
    baselines_ms: dict[str, float]
    speedups: dict[str, Interval]
    samples: int
    margin: float
    stopped_early: bool = False


@dataclass(frozen=True)
class Verdict:
    """One judgement of (candidate, configuration) on one problem and one machine."""

    outcome: Outcome
    reason: str = ""
    flags: tuple[str, ...] = ()
    errors: Errors | None = None
    timing: Timing | None = None
    generated_share: float | None = None  # share of the time spent outside torch's own operators, 0 to 1
    build_seconds: float = 0.0
    run_seconds: float = 0.0
    resources: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        measured = self.errors is not None and self.timing is not None
        if (self.outcome is Outcome.OK) != measured:
            raise ValueError(f"outcome {self.outcome} {'with' if measured else 'without'} errors and timing")
        if self.outcome is not Outcome.OK and not self.reason:
            raise ValueError(f"outcome {self.outcome} without a reason")

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        errors, timing = data["errors"], data["timing"]
        if errors is not None:
            errors = Errors(**{**errors, "precision": PrecisionClass(errors["precision"])})
        if timing is not None:
            speedups = {name: Interval(**each) for name, each in timing["speedups"].items()}
            timing = Timing(**{**timing, "ms": Interval(**timing["ms"]), "speedups": speedups})
        rest = {"outcome": Outcome(data["outcome"]), "flags": tuple(data["flags"]), "errors": errors, "timing": timing}
        return cls(**{**data, **rest})
