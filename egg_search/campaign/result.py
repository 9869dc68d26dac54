"""What a campaign found, from its run directory."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from pathlib import Path

from egg_search.archive import Archive, Elite, pareto_front
from egg_search.campaign.settings import Settings
from egg_search.core.step import Job
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from egg_search.rundir import Reader, RunDirectory
from operators.base import Draft


@dataclass(frozen=True)
class Result:
    """`front` is fastest first. `certified` says whether it was judged again in full when the search ended; without
    that it is what screening saw. `why` is how the last session ended, None while one is alive or was killed."""

    front: tuple[Elite, ...]
    certified: bool
    why: str | None
    evaluations: int
    elapsed: float
    survey: Survey  # the latest session's
    timings: dict[str, float]
    finished: float  # seconds of search when the last step was done: those that `timings` tell of

    @property
    def measuring(self) -> float:
        """The share of the search in which devices were busy with checks and timings; nan when no step was done."""
        return self.timings.get("run", 0.0) / self.finished if self.finished else nan

    @property
    def engine_ms(self) -> float:
        """The engine's own milliseconds an evaluated configuration: everything but author, build and run."""
        return 1e3 * self.timings.get("engine", 0.0) / max(self.evaluations, 1)


def load_result(path: Path) -> Result:
    """Also beside a live driver. Raises RunDirectoryError when `path` is no run directory."""
    directory = RunDirectory(path)
    with directory.read() as reader:
        return read_result(reader, Settings.from_json(directory.settings()["settings"]))


def read_result(reader: Reader, settings: Settings) -> Result:
    sessions, evaluated = reader.sessions(), reader.evaluated()
    second = reader.certified()
    return Result(
        front=tuple(_certified(reader, settings, second) if second else _screened(reader, settings)),
        certified=bool(second),
        why=sessions[-1].why if sessions else None,
        evaluations=evaluated,
        elapsed=reader.elapsed(),
        survey=sessions[-1].survey if sessions else Survey(),
        timings=reader.timings(),
        finished=reader.finished(),
    )


def _certified(reader: Reader, settings: Settings, second: list[tuple[Job, Verdict]]) -> list[Elite]:
    """Of those that stood up to the second judgement; empty when none did."""
    stood = [each for each in second if settings.admission(each[1])]
    return pareto_front(Elite(job, reader.draft(job.candidate).signature, verdict) for job, verdict in stood)


def _screened(reader: Reader, settings: Settings) -> list[Elite]:
    archive, signatures = Archive(settings.admission), {}
    for evaluation in reader.evaluations():
        candidate = evaluation.job.candidate
        if candidate not in signatures:
            draft = reader.draft(candidate)
            assert isinstance(draft, Draft)
            signatures[candidate] = draft.signature
        archive.add(evaluation.job, signatures[candidate], evaluation.verdict)
    return archive.front()
