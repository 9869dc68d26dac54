"""A run directory as it stands, read once: what a replay is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from egg_search.archive import Elite
from egg_search.campaign.opening import priors_of
from egg_search.campaign.planning import Planner
from egg_search.campaign.result import read_result
from egg_search.campaign.settings import Settings
from egg_search.campaign.state import State
from egg_search.cluster import CampaignWorkshop, Workshop
from egg_search.core.candidate import Dialect
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.step import Job
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from egg_search.replay.difference import Difference
from egg_search.rundir import Event, Reader, RunDirectory, StepRecord
from principles.library import load


@dataclass(frozen=True)
class Recording:
    """`changed` are events whose records are not what was written. `why` is how the last session ended."""

    path: Path
    settings: Settings
    problem: Problem
    workshop: Workshop
    steps: dict[int, StepRecord]
    events: tuple[Event, ...]
    changed: frozenset[Event]
    surveys: dict[int, Survey]  # by session
    certified: tuple[tuple[Job, Verdict], ...]
    front: tuple[Elite, ...]
    why: str | None

    @classmethod
    def open(cls, path: Path, workshop: Workshop | None = None) -> Recording:
        """Also beside a live driver: as far as it has come. `workshop` has the authors that are asked again, None:
        those of a real campaign. Raises UserError where there is nothing to replay."""
        directory = RunDirectory(path)
        written, machine = directory.settings(), directory.hardware()
        settings = Settings.from_json(written["settings"])
        if "dialects" in machine:  # what could be written there, whatever is installed here
            settings = replace(settings, dialects=tuple(dict.fromkeys(map(Dialect, machine["dialects"]))))
        was = written["problem"]
        problem = Problem(was["name"], directory.problem_source, was["overrides"])
        if problem.id != was["id"]:
            raise UserError(f"{path / 'problem.py'}: changed since the campaign began")
        hardware = Hardware(**machine["hardware"])
        workshop = workshop or _workshop(path, settings, problem, hardware)
        with directory.read() as reader:
            reader.hold_still()
            changed = frozenset(reader.changed())
            try:
                return cls(path, settings, problem, workshop, changed=changed, **_journal(reader, settings))
            except (LookupError, ValueError, TypeError) as error:
                if not changed:
                    raise
                raise Difference(f"{told(min(changed, key=lambda event: event.step))} ({error})") from None

    @property
    def evaluations(self) -> int:
        return sum(
            evaluation.verdict is not None for record in self.steps.values() for evaluation in record.evaluations
        )

    def begin(self, settings: Settings | None = None) -> tuple[State, Planner]:
        """A campaign in which nothing has happened yet."""
        settings, hardware, library = settings or self.settings, self.workshop.hardware, load(self.settings.principles)
        state = State(settings, hardware, library, self.workshop.operators(), priors_of(RunDirectory(self.path)))
        planner = Planner(settings, self.problem, hardware, library, state)
        planner.in_words = self.workshop.aside
        return state, planner


def told(event: Event) -> str:
    """That its record was changed."""
    position = "" if event.position is None else f" {event.position + 1}"
    return f"step {event.step}, {event.kind}{position}: the record is not what was written then"


def _journal(reader: Reader, settings: Settings) -> dict[str, Any]:
    sessions = reader.sessions()
    return {
        "steps": {record.step.number: record for record in reader.steps()},
        "events": tuple(reader.events()),
        "surveys": {session.id: session.survey for session in sessions},
        "certified": tuple(reader.certified()),
        "front": read_result(reader, settings).front,
        "why": sessions[-1].why if sessions else None,
    }


def _workshop(path: Path, settings: Settings, problem: Problem, hardware: Hardware) -> Workshop:
    options = {"authors": settings.authors, "author_options": settings.author_options, "seed": settings.seed}
    return CampaignWorkshop(problem, hardware, path / "build", directory=path, **options)
