"""Making a run directory, and checking that one may be resumed here and now."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from egg_search.campaign.isolation import isolation_record
from egg_search.campaign.settings import Settings
from egg_search.campaign.versions import versions
from egg_search.core.candidate import content_hash
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware, ask_driver, detect
from egg_search.core.problem import Problem
from egg_search.rundir import RunDirectory
from egg_search.schedulers.bandit import Prior


def create(
    path: Path, settings: Settings, problem: Problem, hardware: Hardware, priors: Mapping[str, Prior] | None = None
) -> RunDirectory:
    """`priors` are kept, so that the campaign goes on with what it began with. Raises RunDirectoryError when `path`
    exists."""
    # A resume may come from another working directory.
    folders = tuple(str(Path(each).absolute()) for each in settings.principles)
    settings = replace(settings, problem=str(Path(settings.problem).absolute()), principles=folders)
    written = {
        "settings": settings.to_json(),
        "problem": {"name": problem.name, "overrides": problem.overrides, "id": problem.id},
        "id": uuid.uuid4().hex,  # of the campaign, wherever its directory goes
        "priors": dict(priors or {}),
    }
    machine = {
        "id": hardware.id,
        "hardware": hardware.facts(),
        "dialects": [dialect for _, dialect in settings.writers(hardware)],
        "versions": versions(),
        "isolation": isolation_record(),
    }
    return RunDirectory.create(path, written, problem.source, machine)


def same_kind(directory: RunDirectory) -> Hardware:
    """What this machine has of the kind that the campaign was begun on, or else whatever it has."""
    return detect("cpu" if directory.hardware()["hardware"]["kind"] == "cpu" else "auto")


def reopen(directory: RunDirectory, hardware: Hardware) -> tuple[Settings, Problem]:
    """Settings and problem as they were. Raises UserError when measurements made here would not compare."""
    written, machine = directory.settings(), directory.hardware()
    settings, was = Settings.from_json(written["settings"]), written["problem"]
    if machine["id"] != hardware.id:
        raise UserError(f"{directory.path}: {_differs(Hardware(**machine['hardware']), hardware)}")
    problem = Problem(was["name"], directory.problem_source, was["overrides"])
    if problem.id != was["id"]:
        raise UserError(f"{directory.path / 'problem.py'}: changed since the campaign began; start a new campaign")
    original = Path(settings.problem)
    if original.is_file() and content_hash(original.read_bytes()) != content_hash(problem.source):
        raise UserError(f"{original}: changed since {directory.path} began; start a new campaign for the new problem")
    return settings, problem


def id_of(directory: RunDirectory) -> str:
    return directory.settings().get("id") or str(directory.path.absolute())


def priors_of(directory: RunDirectory) -> dict[str, Prior]:
    """What the campaign expected of principles when it began."""
    return {name: (won, lost) for name, (won, lost) in directory.settings().get("priors", {}).items()}


def with_budget(settings: Settings, budget_s: float | None, max_evaluations: int | None) -> Settings:
    """`settings` with those budgets that are given: totals, counted from the beginning."""
    given = {"budget_s": budget_s, "max_evaluations": max_evaluations}
    return replace(settings, **{name: value for name, value in given.items() if value is not None})


def _differs(was: Hardware, hardware: Hardware) -> str:
    begun = f"begun on {_describe(was)}"
    if was.kind == "cuda" and hardware.kind == "cpu":
        return f"{begun}, and there is no GPU to go on with: {ask_driver().reason}; start a new campaign here"
    return f"{begun}, this is {_describe(hardware)}; measurements do not compare: start a new campaign here"


def _describe(hardware: Hardware) -> str:
    if hardware.kind == "cuda":
        return f"{hardware.model} with {hardware.cores} multiprocessors"
    return f"{hardware.model} with {hardware.cores} cores and {hardware.vector_bytes * 8}-bit vectors"
