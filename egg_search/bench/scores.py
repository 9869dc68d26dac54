"""What a suite has found, as numbers: one score a problem, with an entry for each precision class."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from egg_search.core.verdict import PrecisionClass
from egg_search.reports.rivals import rivals
from egg_search.reports.summary import COMPILE, EAGER, Summary


@dataclass(frozen=True)
class Entry:
    """The fastest of one problem that is at least as exact as a class; `precision` is its own. `vs_eager` and
    `vs_compile` are over the baselines of the class, which `eager` and `compile` name (see `reports.rivals`), and so is
    `vs_tuned`, over torch.compile's max-autotune; `vs_shipped` over eager as PyTorch ships. nan where a baseline is
    missing."""

    precision: str
    ms: float
    eager: str
    compile: str
    eager_ms: float | None
    compile_ms: float | None
    tuned: str
    tuned_ms: float | None
    vs_eager: float
    vs_compile: float
    vs_tuned: float
    vs_shipped: float
    rough: tuple[str, ...]  # baselines against which a busy machine left the speedup uncertain
    error: float
    eager_error: float
    generated_share: float | None
    structure: str
    principles: tuple[str, ...]
    roofline: dict[str, Any] | None  # as in a verdict's `resources`; None on CPUs
    bottleneck: str | None

    @property
    def vs_better(self) -> float:
        """Over the faster of the class's baselines that were measured."""
        return min((each for each in (self.vs_eager, self.vs_compile) if isfinite(each)), default=nan)

    @property
    def error_ratio(self) -> float:
        """Over what eager has in strict float32; nan where that is exact."""
        return self.error / self.eager_error if self.eager_error else nan


@dataclass(frozen=True)
class Score:
    """`best` has an entry for each class for which the run found something, by the class's name. `measuring` is the
    share of the search in which the devices, `devices` of them, were busy with judgements: checks and timings; nan when
    no step was done. `as_exact_vs_eager` is the speedup over eager in strict float32 of the fastest whose error is no
    larger than its; nan for none."""

    problem: str
    baselines_ms: dict[str, float]
    best: dict[str, Entry]
    evaluations: int
    elapsed: float
    devices: int
    configurations_per_second: float
    measuring: float
    overhead_ms: float
    certified: bool
    as_exact_vs_eager: float = nan

    @property
    def eager_ms(self) -> float | None:
        return self.baselines_ms.get(EAGER)

    @property
    def compile_ms(self) -> float | None:
        return self.baselines_ms.get(COMPILE)

    @property
    def per_device(self) -> float:
        """Configurations a second and device."""
        return self.configurations_per_second / self.devices

    @property
    def new(self) -> dict[str, Entry]:
        """The entries of those classes that add something to the more exact ones."""
        return {name: entry for name, entry in self.best.items() if entry.precision == name}


def score(summary: Summary) -> Score:
    result = summary.result
    best = {str(c): _entry(summary, c) for c in PrecisionClass if summary.best_of(c) is not None}
    return Score(
        problem=summary.problem,
        baselines_ms=dict(summary.baselines_ms),
        best=best,
        evaluations=result.evaluations,
        elapsed=result.elapsed,
        devices=result.survey.devices,
        configurations_per_second=summary.configurations_per_second,
        measuring=result.measuring,
        overhead_ms=result.engine_ms,
        certified=result.certified,
        as_exact_vs_eager=_as_exact_vs_eager(summary),
    )


def _as_exact_vs_eager(summary: Summary) -> float:
    point = summary.best_as_exact_as_eager
    return point.speedup(rivals(PrecisionClass.FAITHFUL, summary.baselines_ms).eager) if point else nan


def _entry(summary: Summary, precision: PrecisionClass) -> Entry:
    point, baselines = summary.best_of(precision), summary.baselines_ms
    errors, resources = point.verdict.errors, point.verdict.resources
    names = rivals(precision, baselines)
    return Entry(
        precision=str(errors.precision),
        ms=point.ms,
        eager=names.eager,
        compile=names.compile,
        eager_ms=baselines.get(names.eager),
        compile_ms=baselines.get(names.compile),
        tuned=names.tuned,
        tuned_ms=baselines.get(names.tuned),
        vs_eager=point.speedup(names.eager),
        vs_compile=point.speedup(names.compile),
        vs_tuned=point.speedup(names.tuned),
        vs_shipped=point.speedup(EAGER),
        rough=tuple(name for name in dict.fromkeys((*names, EAGER)) if point.is_rough(name)),
        error=errors.norm,
        eager_error=errors.eager_norm,
        generated_share=point.verdict.generated_share,
        structure=point.structure,
        principles=point.principles,
        roofline=resources.get("roofline"),
        bottleneck=resources.get("diagnosis", {}).get("bottleneck"),
    )
