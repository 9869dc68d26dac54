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
    """List all principles: group, name and title."""
    from principles.library import load

    for principle in load(folders or ()):
        print(f"{principle.group:<10} {principle.name:<36} {principle.title}")


@app.command("show")
def show(name: Annotated[str, Argument(help="A principle's name.")], folders: Folders = None) -> None:
    """Show one principle: prose, applicability, constraints, knobs and source."""
    from egg_search.reports.principle import principle_text
    from principles.library import load

    print(principle_text(load(folders or ())[name]))


@app.command("check")
def check(folders: Annotated[list[Path] | None, Argument(metavar="[DIR]...")] = None) -> None:
    """Parse the bundled principles and those in DIR; the first mistake is shown with file and line."""
    from principles.library import load

    print(f"{len(load(folders or ()))} principles, all well-formed")
