"""`egg status`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument


def status(
    directory: Annotated[Path, Argument(metavar="RUN", help="A run directory, such as runs/NAME.")],
) -> None:
    """Show how a run stands, while its driver is alive or after.

    Budget used, configurations a second, outcomes, the front, and which operators and principles paid off.
    """
    from egg_search.reports.console import stdout
    from egg_search.reports.status import status_report

    stdout().print(status_report(directory))
