"""A suite's results by precision class: means over all problems, and what its memory- and compute-bound ones reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import exp, isfinite, isnan, log, nan
from statistics import median
from typing import Any

from egg_search.bench.scores import Entry, Score
from egg_search.core.verdict import PrecisionClass
from egg_search.reports.text import jsonable


@dataclass(frozen=True)
class Aggregate:
    """Over the problems for which a class has an entry; baselines are the class's own, `shipped` is eager as PyTorch
    ships."""

    precision: str
    problems: int
    geomean_vs_eager: float
    median_vs_eager: float
    geomean_vs_compile: float
    median_vs_compile: float
    geomean_vs_tuned: float
    median_vs_tuned: float
    geomean_vs_shipped: float
    median_vs_shipped: float
    worst_vs_better: float
    rough: int  # problems with an uncertain speedup


@dataclass(frozen=True)
class Reach:
    """What a class reaches of its GPU: the share of the measured bandwidth where memory is the lower roof; where
    arithmetic is, the speedup over the class's eager and the error over that of eager in strict float32; and the
    speedup over the latter of what is no less exact."""

    precision: str
    memory_bound: int
    median_bandwidth: float
    compute_bound: int
    compute_geomean_vs_eager: float
    compute_geomean_vs_compile: float
    compute_median_fraction: float
    compute_median_error_ratio: float
    compute_worst_error_ratio: float
    compute_as_exact: int
    compute_as_exact_geomean_vs_eager: float


def aggregate(scores: Iterable[Score], precision: PrecisionClass) -> Aggregate | None:
    """None when no problem has an entry of this class."""
    entries = [each.best[precision] for each in scores if precision in each.best]
    if not entries:
        return None
    eager, compiled = [entry.vs_eager for entry in entries], [entry.vs_compile for entry in entries]
    tuned = [entry.vs_tuned for entry in entries]
    shipped = [entry.vs_shipped for entry in entries]
    return Aggregate(
        precision=str(precision),
        problems=len(entries),
        geomean_vs_eager=geomean(eager),
        median_vs_eager=_median(eager),
        geomean_vs_compile=geomean(compiled),
        median_vs_compile=_median(compiled),
        geomean_vs_tuned=geomean(tuned),
        median_vs_tuned=_median(tuned),
        geomean_vs_shipped=geomean(shipped),
        median_vs_shipped=_median(shipped),
        worst_vs_better=min(_finite([entry.vs_better for entry in entries]), default=nan),
        rough=sum(bool(entry.rough) for entry in entries),
    )


def reach(scores: Iterable[Score], precision: PrecisionClass) -> Reach | None:
    """None where no entry of this class has a roofline, as on CPUs."""
    scores = [each for each in scores if precision in each.best and each.best[precision].roofline]
    if not scores:
        return None
    entries = [each.best[precision] for each in scores]
    memory, compute = _bound(entries, "memory"), _bound(entries, "compute")
    as_exact = _finite([each.as_exact_vs_eager for each in scores if each.best[precision] in compute])
    ratios = _finite([entry.error_ratio for entry in compute])
    return Reach(
        precision=str(precision),
        memory_bound=len(memory),
        median_bandwidth=_median([entry.roofline["fraction"] for entry in memory]),
        compute_bound=len(compute),
        compute_geomean_vs_eager=geomean([entry.vs_eager for entry in compute]),
        compute_geomean_vs_compile=geomean([entry.vs_compile for entry in compute]),
        compute_median_fraction=_median([entry.roofline["fraction"] for entry in compute]),
        compute_median_error_ratio=_median(ratios),
        compute_worst_error_ratio=max(ratios, default=nan),
        compute_as_exact=len(as_exact),
        compute_as_exact_geomean_vs_eager=geomean(as_exact),
    )


def classes(scores: Sequence[Score]) -> list[PrecisionClass]:
    """Those that add something to the more exact ones."""
    return [precision for precision in PrecisionClass if any(precision in each.new for each in scores)]


def aggregates(scores: Sequence[Score]) -> list[Aggregate]:
    return [aggregate(scores, precision) for precision in classes(scores)]


def reaches(scores: Sequence[Score]) -> list[Reach]:
    return [found for precision in classes(scores) if (found := reach(scores, precision)) is not None]


def measuring(scores: Sequence[Score]) -> float | None:
    """The mean over those that can tell, None where none can."""
    told = [each.measuring for each in scores if not isnan(each.measuring)]
    return mean(told) if told else None


def to_json(scores: Sequence[Score]) -> dict[str, Any]:
    """As JSON can hold it; None stands for what was not measured."""
    return {
        "problems": jsonable([_score_json(each) for each in scores]),
        "aggregates": jsonable([asdict(each) for each in aggregates(scores)]),
        "reach": jsonable([asdict(each) for each in reaches(scores)]),
        "configurations_per_second_per_device": mean([each.per_device for each in scores]),
        "measuring": measuring(scores),
    }


def _score_json(score: Score) -> dict[str, Any]:
    best = {name: asdict(entry) | {"error_ratio": entry.error_ratio} for name, entry in score.best.items()}
    more = {
        "eager_ms": score.eager_ms,
        "compile_ms": score.compile_ms,
        "configurations_per_second_per_device": score.per_device,
    }
    return {**asdict(score), **more, "best": best}


def _bound(entries: Sequence[Entry], roof: str) -> list[Entry]:
    return [entry for entry in entries if entry.roofline["bound"] == roof]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def geomean(values: Sequence[float]) -> float:
    """Of the finite values; nan for none."""
    finite = _finite(values)
    return exp(sum(map(log, finite)) / len(finite)) if finite else nan


def _median(values: Sequence[float]) -> float:
    """As `geomean`."""
    finite = _finite(values)
    return median(finite) if finite else nan


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if isfinite(value)]
