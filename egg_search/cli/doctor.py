"""`egg doctor`"""

from __future__ import annotations

import typer


def doctor() -> None:
    """Show what this machine offers: cores, vectors, caches, GPUs, dialects, layers of isolation and versions.

    Exit code 2 when something is missing without which no search can run on what would be chosen by itself.
    """
    from egg_search.cli import BAD_INPUT
    from egg_search.reports.machine import machine_report

    rows, missing = machine_report()
    for label, finding in rows:
        print(f"{label:<16} {finding}")
    for problem in missing:
        typer.echo(f"egg: {problem}", err=True)
    if missing:
        raise typer.Exit(BAD_INPUT)
