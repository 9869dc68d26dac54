"""Runs a campaign in front of a user: progress, then the table, the modules and how to go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from egg_search.cli import INTERRUPTED, NOTHING, OK

if TYPE_CHECKING:
    from egg_search.campaign import Campaign

EXPORT = "export"  # the folder in a run directory where a finished run leaves its modules


def search(make: Callable[[], Campaign]) -> int:
    """The exit code. `make` is called first, so that bad input ends here before anything is shown."""
    from egg_search.campaign.driver import INTERRUPTED as STOPPED
    from egg_search.reports.console import stdout
    from egg_search.reports.progress import progress

    console = stdout()
    campaign = make()
    path = campaign.directory.path
    told = campaign.notices()
    for line in told:
        console.print(f"note: {line}", markup=False)
    console.print(f"run directory: {path}", markup=False)
    with progress(console) as observer:
        result = campaign.run(observer)
    show(path)
    for line in campaign.troubles:
        if line not in told:
            console.print(f"note: {line}", markup=False)
    if result.why == STOPPED:
        console.print(f"stopped; go on with: egg resume {path}", markup=False)
        return INTERRUPTED
    return OK if result.front else NOTHING


def show(*paths: Path) -> int:
    """Exports each run into its own directory and prints the table of all. How many have found something."""
    from egg_search.export import export
    from egg_search.reports.console import stdout
    from egg_search.reports.summary import summarize
    from egg_search.reports.table import result_table

    modules = {path: written[0] for path in paths if (written := export(path, path / EXPORT))}
    stdout().print(result_table(map(summarize, paths), modules))
    return len(modules)
