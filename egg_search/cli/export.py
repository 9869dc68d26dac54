"""`egg export`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def export(
    directory: Annotated[Path, Argument(metavar="RUN", help="A run directory, such as runs/NAME.")],
    out: Annotated[Path, Option(help="Where to write; made when it is missing.")] = Path("out"),
) -> None:
    """Write a run's front as Python modules, with pareto.json, pareto.csv and pareto.png."""
    from egg_search.cli import NOTHING
    from egg_search.export import export as write

    written = write(directory, out)
    for path in written:
        print(path)
    if not written:
        print(f"{directory} has found nothing correct yet; nothing was written")
        raise typer.Exit(NOTHING)
