"""A suite's results as numbers: a row a problem, and means over them by precision class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import exp, isfinite, log
from statistics import median
from typing import Any

from egg_search.core.verdict import PrecisionClass
from egg_search.reports.summary import COMPILE, EAGER, Summary
from egg_search.reports.text import jsonable


@dataclass(frozen=True)
class Entry:
    """The fastest of one problem that is at least as exact as `precision`. nan where a baseline is missing."""

    precision: str
    ms: float
    vs_eager: float
    vs_compile: float
    rough: tuple[str, ...]  # baselines against which a busy machine left the speedup uncertain
    error: float
    eager_error: float
    generated_share: float | None
    structure: str
    principles: tuple[str, ...]

    @property
    def vs_better(self) -> float:
        """Over the faster of the baselines that were measured."""
        return min(each for each in (self.vs_eager, self.vs_compile) if isfinite(each))


@dataclass(frozen=True)
class Score:
    """`best` has an entry for each class for which the run found something, by the class's name."""

    problem: str
    eager_ms: float | None
    compile_ms: float | None
    best: dict[str, Entry]
    evaluations: int
    elapsed: float
    configurations_per_second: float
    overhead_ms: float
    certified: bool


@dataclass(frozen=True)
class Aggregate:
    """Over the problems for which a class has an entry."""

    precision: str
    problems: int
    geomean_vs_eager: float
    median_vs_eager: float
    geomean_vs_compile: float
    median_vs_compile: float
    worst_vs_better: float
    rough: int  # problems with an uncertain speedup


def score(summary: Summary) -> Score:
    result = summary.result
    best = {str(c): _entry(summary, c) for c in PrecisionClass if summary.best_of(c) is not None}
    return Score(
        problem=summary.problem,
        eager_ms=summary.baselines_ms.get(EAGER),
        compile_ms=summary.baselines_ms.get(COMPILE),
        best=best,
        evaluations=result.evaluations,
        elapsed=result.elapsed,
        configurations_per_second=summary.configurations_per_second,
        overhead_ms=result.engine_ms,
        certified=result.certified,
    )


def _entry(summary: Summary, precision: PrecisionClass) -> Entry:
    point = summary.best_of(precision)
    errors = point.verdict.errors
    return Entry(
        precision=str(errors.precision),
        ms=point.ms,
        vs_eager=point.speedup(EAGER),
        vs_compile=point.speedup(COMPILE),
        rough=tuple(name for name in (EAGER, COMPILE) if point.is_rough(name)),
        error=errors.norm,
        eager_error=errors.eager_norm,
        generated_share=point.verdict.generated_share,
        structure=point.structure,
        principles=point.principles,
    )


def aggregate(scores: Iterable[Score], precision: PrecisionClass) -> Aggregate | None:
    """None when no problem has an entry of this class."""
    entries = [each.best[precision] for each in scores if precision in each.best]
    if not entries:
        return None
    eager = [entry.vs_eager for entry in entries]
    compiled = [entry.vs_compile for entry in entries]
    return Aggregate(
        precision=str(precision),
        problems=len(entries),
        geomean_vs_eager=geomean(eager),
        median_vs_eager=_median(eager),
        geomean_vs_compile=geomean(compiled),
        median_vs_compile=_median(compiled),
        worst_vs_better=min(entry.vs_better for entry in entries),
        rough=sum(bool(entry.rough) for entry in entries),
    )


def aggregates(scores: Sequence[Score]) -> list[Aggregate]:
    """One a class, leaving out classes that add nothing to the more exact one before."""
    found: list[Aggregate] = []
    for precision in PrecisionClass:
        each = aggregate(scores, precision)
        new = any(entry.precision == precision for s in scores for entry in s.best.values())
        if each is not None and new:
            found.append(each)
    return found


def to_json(scores: Sequence[Score]) -> dict[str, Any]:
    """As JSON can hold it; None stands for what was not measured."""
    return {
        "problems": jsonable([asdict(each) for each in scores]),
        "aggregates": jsonable([asdict(each) for each in aggregates(scores)]),
    }


def geomean(values: Sequence[float]) -> float:
    """Of the finite values; nan for none."""
    finite = [value for value in values if isfinite(value)]
    return exp(sum(map(log, finite)) / len(finite)) if finite else float("nan")


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if isfinite(value)]
    return median(finite) if finite else float("nan")
