"""What `egg bench` does instead of a search: `--judging`, `--again`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from egg_search.bench.suite import Suite


def again(suite: Suite, parallel: int) -> None:
    """Writes again.md and again.json beside the run directories. Raises UserError where there are none."""
    from egg_search.bench.again import judge_again, markdown, to_json
    from egg_search.bench.places import places
    from egg_search.bench.spread import gpus_of
    from egg_search.core.errors import UserError
    from egg_search.reports.text import jsonable

    if not suite.done():
        raise UserError(f"{suite.runs}: no runs of these problems; search first: egg bench without --again")
    where, found = places(parallel, suite.settings.device), []
    for each in judge_again(suite.done(), where, gpus_of(suite.runs)):
        found.append(each)
        typer.echo(f"{each.problem}: {each.failure or f'{each.ratio:.4f}'}", err=True)
    text, out = markdown(found), suite.runs.parent
    (out / "again.md").write_text(text + "\n")
    (out / "again.json").write_text(json.dumps(jsonable(to_json(found)), indent=2) + "\n")
    print(text)


def judging(paths: dict[str, Path], profile: str | None, device: str) -> None:
    """Prints a table of what the evaluator itself costs on each problem."""
    from egg_search.bench.judging import judging_costs, markdown
    from egg_search.core.hardware import detect
    from egg_search.core.problem import Problem

    hardware, rows = detect(device), []
    for path in paths.values():
        rows.append(judging_costs(Problem.from_file(path, {}, profile), hardware))
        typer.echo(f"{rows[-1].problem}: done", err=True)
    print(markdown(rows))
