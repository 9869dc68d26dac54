"""`egg problems`"""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Argument

app = typer.Typer(name="problems", help="The bundled problems.", no_args_is_help=True)


@app.command("list")
def show_all() -> None:
    """List the bundled problems, by group."""
    from egg_search.problems import bundled, groups, title

    paths = bundled()
    for group, names in groups().items():
        print(f"{group}:")
        for name in names:
            print(f"  {name:<28} {title(paths[name])}")


@app.command("show")
def show(name: Annotated[str, Argument(help="A bundled problem's name.")]) -> None:
    """Print a bundled problem: a starting point for your own."""
    from egg_search.cli.inputs import find_problem
    from egg_search.core.problem.source import read_source

    print(read_source(find_problem(name)), end="")
