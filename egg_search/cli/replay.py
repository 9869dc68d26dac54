"""`egg replay`"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from egg_search.replay import Replay


def replay(
    directory: Annotated[Path, Argument(metavar="RUN", help="A run directory, such as runs/NAME.")],
    scheduler: Annotated[
        list[str] | None,
        Option(metavar="NAME", help="Compare this policy on the recorded data: staged or random. Repeatable."),
    ] = None,
    seed: Annotated[int | None, Option(help="Of the compared policies. Default: the recorded one.")] = None,
    authors: Annotated[
        bool, Option("--authors", help="The expert writes its kernels again, too; that takes as long as it did.")
    ] = False,
) -> None:
    """Run a campaign again from its record: no network, no device, the same steps, archive and front, bit for bit.

    Exit code 1: something differs, and one line says what. With --scheduler: what others would have made of it.
    """
    from egg_search.cli import NOTHING
    from egg_search.core.errors import UserError
    from egg_search.reports.console import stdout

    if scheduler or seed is not None:
        if authors:
            raise UserError("--authors is for the strict replay; --scheduler and --seed take what authors wrote then")
        stdout().print(_comparison(directory, scheduler or (), seed))
        return
    from egg_search import replay as replaying

    started = time.monotonic()
    try:
        found = replaying.replay(directory, authors)
    except replaying.Difference as difference:
        stdout().print(f"{directory} differs: {difference}{_since(directory)}", markup=False, soft_wrap=True)
        raise typer.Exit(NOTHING) from None
    stdout().print(_summary(found, time.monotonic() - started), markup=False, soft_wrap=True)


def _comparison(directory: Path, schedulers: list[str] | tuple[str, ...], seed: int | None) -> object:
    from egg_search.replay import Recording, compare
    from egg_search.replay.table import comparison_table

    schedulers = schedulers or (Recording.open(directory).settings.scheduler,)
    return comparison_table(compare(directory, schedulers, seed))


def _summary(found: Replay, seconds: float) -> str:
    from egg_search.replay.table import front_text
    from egg_search.reports.text import milliseconds

    still = f" ({found.open} more had begun)" if found.open else ""
    judged = "judged twice" if found.certified else "not judged a second time"
    lines = [
        f"the same: {found.steps} steps{still}, {found.configurations} configurations, {found.calls} calls answered "
        f"from the record, in {seconds:.1f} s",
        f"the front, {judged}: {len(found.front)} points",
        *(
            f"  {milliseconds(elite.ms)} ms, {front_text([elite])}, {elite.signature}, candidate {elite.job.candidate}"
            for elite in found.front
        ),
    ]
    return "\n".join(lines)


def _since(directory: Path) -> str:
    """Which versions changed since the campaign began: they may be why."""
    from egg_search.campaign.versions import versions
    from egg_search.rundir import RunDirectory

    was, now = RunDirectory(directory).hardware().get("versions", {}), versions()
    changed = [
        f"{name} {was[name]}, now {now.get(name, 'none')}"
        for name in ("egg-search", "python", "optuna")
        if name in was and was[name] != now.get(name)
    ]
    return f" (recorded with {'; '.join(changed)})" if changed else ""
