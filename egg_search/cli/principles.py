"""`egg principles`"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from egg_search.experience import Told

app = typer.Typer(name="principles", help="The expert knowledge that guides a search.", no_args_is_help=True)
Folders = Annotated[
    list[Path] | None, Option("--principles", metavar="DIR", help="A folder with principles of your own. Repeatable.")
]


@app.command("list")
def show_all(folders: Folders = None) -> None:
    """List all principles: group, name, kinds of kernel and title; and how often each won of how often it was tried in
    your runs, where there were any."""
    from egg_search.experience import standing
    from principles import library, report

    told: dict[str, list[Told]] = defaultdict(list)
    for each in _experience():
        told[each.outcome.principle].append(each)
    for row in report.rows(library.load(folders or ())):
        record = f"{standing(told[row.name]):>9}  " if told else ""
        print(f"{row.group:<10} {row.name:<32} {row.kinds:<24} {record}{row.title}")


@app.command("show")
def show(name: Annotated[str, Argument(help="A principle's name.")], folders: Folders = None) -> None:
    """Show one principle: applicability, constraints, knobs, source, what it brought in your runs, and prose."""
    from egg_search.experience import record_lines
    from principles import library, report

    principle = library.load(folders or ())[name]
    print(report.show(principle, record_lines(_experience(name))))


def _experience(name: str | None = None) -> list[Told]:
    """What is kept of one principle, or of all. A broken store hides nothing else."""
    from egg_search.experience import Store, StoreError, store_path

    try:
        return Store(store_path()).read(name)
    except StoreError as error:
        typer.echo(f"note: {error}", err=True)
        return []


@app.command("check")
def check(folders: Annotated[list[Path] | None, Argument(metavar="[DIR]...")] = None) -> None:
    """Check the bundled principles and those in DIR; every mistake is shown with file and line. Exit code 2 for any."""
    from egg_search.cli import BAD_INPUT
    from principles import library, report

    bundled = library.load()
    roles = {role for principle in bundled for role in (*principle.sets, *principle.knobs)}
    mistakes = report.check(folders or (), roles)
    for mistake in mistakes:
        typer.echo(f"egg: {mistake}", err=True)
    if mistakes:
        raise typer.Exit(BAD_INPUT)
    print(f"{len(library.load(folders or ()))} principles, nothing wrong with them")
