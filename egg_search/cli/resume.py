"""`egg resume`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def resume(
    directory: Annotated[Path, Argument(metavar="RUN", help="A run directory, such as runs/NAME.")],
    budget: Annotated[str | None, Option(help="A new total: 10m goes on until ten minutes in all.")] = None,
    evaluations: Annotated[int | None, Option(min=1, help="A new total of configurations.")] = None,
    ray_address: Annotated[str | None, Option(help="Another Ray cluster; local or none for none.")] = None,
) -> None:
    """Go on with a run that was stopped, was killed, or deserves more time.

    Refused on other hardware and when the problem has changed, since measurements would not compare.
    """
    from egg_search.cli.inputs import require_compiler

    require_compiler()
    from egg_search.campaign import Campaign, parse_duration
    from egg_search.cli.search import search

    seconds = parse_duration(budget) if budget else None
    raise typer.Exit(search(lambda: Campaign.resume(directory, seconds, evaluations, ray_address=ray_address)))
