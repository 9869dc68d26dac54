"""A run in numbers: what tables, `egg status`, the export and the benchmark all read from a run directory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import nan
from pathlib import Path

from egg_search.archive import Archive, Elite, pareto_front
from egg_search.core.verdict import Outcome, PrecisionClass, Verdict
from egg_search.reports.lineage import lineage, principles_of, structure_of
from egg_search.rundir import Reader, RunDirectory

EAGER, COMPILE = "eager", "compile"  # the baselines that every table names


@dataclass(frozen=True)
class Point:
    """One configuration on the front, with its story."""

    elite: Elite
    structure: str
    principles: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        return self.elite.verdict

    @property
    def ms(self) -> float:
        return self.elite.ms

    def speedup(self, baseline: str) -> float:
        return speedup(self.verdict, baseline)


@dataclass(frozen=True)
class Summary:
    """`front` is fastest first. `certified` says that it was judged again, in full, when the search ended.

    `niches` counts (structure, class) pairs with a correct candidate; `seconds` sums where the time went.
    """

    path: Path
    problem: str
    baselines_ms: dict[str, float]
    front: tuple[Point, ...]
    certified: bool
    steps: int
    evaluated: int
    outcomes: Counter[Outcome]
    refused_drafts: int
    niches: int
    elapsed: float
    seconds: Counter[str]

    @property
    def best(self) -> Point | None:
        return self.front[0] if self.front else None

    def best_of(self, precision: PrecisionClass) -> Point | None:
        """The fastest that is as exact as `precision`."""
        return next((point for point in self.front if point.elite.precision.rank <= precision.rank), None)

    @property
    def configurations_per_second(self) -> float:
        return self.evaluated / self.elapsed if self.elapsed else 0.0

    @property
    def overhead_ms(self) -> float:
        """Engine time (all but author, build and run) a configuration."""
        return 1e3 * self.seconds["engine"] / self.evaluated if self.evaluated else 0.0


def speedup(verdict: Verdict, baseline: str) -> float:
    """Of an ok verdict over `baseline`; nan when that was never measured."""
    timing = verdict.timing
    if baseline in timing.speedups:
        return timing.speedups[baseline].value
    return timing.baselines_ms.get(baseline, nan) / timing.ms.value


def summarize(run: RunDirectory) -> Summary:
    """Reads the whole journal once; works beside a live driver."""
    settings = run.settings()
    admits = PrecisionClass(settings.get("precision", PrecisionClass.FAITHFUL))
    with run.read() as reader:
        tally = _Tally(admits)
        tally.read(reader)
        certified = [Elite(job, reader.draft(job.candidate).signature, v) for job, v in reader.certified() if v.ok]
        front = pareto_front(certified) if certified else tally.archive.front()
        points = tuple(_point(reader, elite) for elite in front)
        sessions = reader.sessions()
    baselines = dict(sessions[-1].baselines_ms) if sessions else {}
    if points:
        baselines |= points[0].verdict.timing.baselines_ms
    return Summary(
        path=run.path,
        problem=_problem_name(settings, run.path),
        baselines_ms=baselines,
        front=points,
        certified=bool(certified),
        steps=tally.steps,
        evaluated=sum(tally.outcomes.values()),
        outcomes=tally.outcomes,
        refused_drafts=tally.refused,
        niches=len(tally.archive),
        elapsed=tally.elapsed,
        seconds=tally.seconds,
    )


class _Tally:
    """What one pass over the steps adds up to."""

    def __init__(self, admits: PrecisionClass) -> None:
        self.archive = Archive(admits)
        self.outcomes: Counter[Outcome] = Counter()
        self.seconds: Counter[str] = Counter()
        self.steps = self.refused = 0
        self.elapsed = 0.0

    def read(self, reader: Reader) -> None:
        signatures: dict[str, str] = {}
        for record in reader.steps():
            self.steps += 1
            self.elapsed = max(self.elapsed, record.elapsed or 0.0)
            self.seconds.update(record.timings)
            for draft in record.drafts:
                if hasattr(draft, "signature"):
                    signatures.setdefault(draft.candidate.id, draft.signature)
                else:
                    self.refused += 1
            for evaluation in record.evaluations:
                if evaluation.verdict is not None:
                    self.outcomes[evaluation.verdict.outcome] += 1
                    self.archive.add(evaluation.job, signatures[evaluation.job.candidate], evaluation.verdict)


def _point(reader: Reader, elite: Elite) -> Point:
    drafts = lineage(reader, elite.job.candidate)
    return Point(elite, structure_of(drafts), principles_of(drafts))


def _problem_name(settings: dict, path: Path) -> str:
    problem = settings.get("problem", path.name)
    return problem["name"] if isinstance(problem, dict) else str(problem)
