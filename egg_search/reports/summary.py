"""A run as its reader sees it: the result, with the story of each point on its front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path

from egg_search.archive import Elite
from egg_search.campaign import Result, load_result
from egg_search.core.verdict import PrecisionClass, Verdict
from egg_search.reports.lineage import lineage, principles_of, structure_of
from egg_search.rundir import Reader, RunDirectory

EAGER, COMPILE = "eager", "compile"  # the baselines that every table names
ROUGH = 1.25  # from the low to the high end of an interval; a wider one is marked in tables


@dataclass(frozen=True)
class Point:
    """One configuration on the front. `baselines_ms` are for baselines that were not timed beside it."""

    elite: Elite
    source: str  # knobs bound
    structure: str
    principles: tuple[str, ...]
    baselines_ms: Mapping[str, float]
    shared: bool = False  # others used the device

    @property
    def verdict(self) -> Verdict:
        return self.elite.verdict

    @property
    def ms(self) -> float:
        return self.elite.ms

    def speedup(self, baseline: str) -> float:
        return speedup(self.verdict, baseline, self.baselines_ms)

    def is_rough(self, baseline: str) -> bool:
        """Whether the machine was too busy to tell this speedup: its 95 % interval spans more than ROUGH, or others
        used the device."""
        interval = self.verdict.timing.speedups.get(baseline)
        return self.shared or (interval is not None and interval.high > ROUGH * interval.low)


@dataclass(frozen=True)
class Summary:
    """`front` is fastest first; `baselines_ms` are those of the best point's own session where it has them."""

    path: Path
    problem: str
    result: Result
    front: tuple[Point, ...]
    baselines_ms: Mapping[str, float]

    @property
    def best(self) -> Point | None:
        return self.front[0] if self.front else None

    def best_of(self, precision: PrecisionClass) -> Point | None:
        """The fastest that is at least as exact as `precision`."""
        return next((point for point in self.front if point.elite.precision.rank <= precision.rank), None)

    @property
    def best_as_exact_as_eager(self) -> Point | None:
        """The fastest whose error is no larger than that of eager in strict float32."""
        errors = ((point, point.verdict.errors) for point in self.front)
        return next((point for point, each in errors if each.norm <= each.eager_norm), None)

    @property
    def configurations_per_second(self) -> float:
        return self.result.evaluations / self.result.elapsed if self.result.elapsed else 0.0


def speedup(verdict: Verdict, baseline: str, baselines_ms: Mapping[str, float]) -> float:
    """Of an ok verdict over `baseline`; nan when that was never measured.

    A baseline that was not timed beside the candidate is reached through eager, which was: drift then cancels.
    """
    speedups = verdict.timing.speedups
    if baseline in speedups:
        return speedups[baseline].value
    if EAGER in speedups and EAGER in baselines_ms:
        return speedups[EAGER].value * baselines_ms.get(baseline, nan) / baselines_ms[EAGER]
    return baselines_ms.get(baseline, nan) / verdict.timing.ms.value


def summarize(path: Path) -> Summary:
    """Of the run directory `path`; works beside a live driver. Raises RunDirectoryError when it is none."""
    run, result = RunDirectory(path), load_result(path)
    baselines = dict(result.survey.baselines_ms)
    if result.front:
        baselines |= result.front[0].verdict.timing.baselines_ms
    with run.read() as reader:
        points = tuple(_point(reader, elite, baselines, result.survey.shared) for elite in result.front)
    return Summary(run.path, run.settings()["problem"]["name"], result, points, baselines)


def _point(reader: Reader, elite: Elite, baselines_ms: Mapping[str, float], shared: bool) -> Point:
    drafts = lineage(reader, elite.job.candidate)
    source = drafts[-1].candidate.bound(elite.job.configuration)
    return Point(elite, source, structure_of(drafts), principles_of(drafts), baselines_ms, shared)
