"""`egg principles`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

app = typer.Typer(name="principles", help="The expert knowledge that guides a search.", no_args_is_help=True)
Folders = Annotated[
    list[Path] | None, Option("--principles", metavar="DIR", help="A folder with principles of your own. Repeatable.")
]


@app.command("list")
def show_all(folders: Folders = None) -> None:
    """List all principles: group, name, kinds of kernel and title."""
    from principles import library, report

    for row in report.rows(library.load(folders or ())):
        print(f"{row.group:<10} {row.name:<32} {row.kinds:<24} {row.title}")


@app.command("show")
def show(name: Annotated[str, Argument(help="A principle's name.")], folders: Folders = None) -> None:
    """Show one principle: applicability, constraints, knobs, source and prose."""
    from principles import library, report

    print(report.show(library.load(folders or ())[name]))


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
