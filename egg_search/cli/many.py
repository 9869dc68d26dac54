"""Campaigns on several problems in front of a user: the part that `egg demo` and `egg bench` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from egg_search.bench.suite import Suite
    from egg_search.campaign import Observer


def _ray_for(suite: Suite) -> AbstractContextManager[None]:
    """One Ray for all campaigns, if any is left to run."""
    if not suite.pending():
        return nullcontext()
    from egg_search.cluster.ray_cluster import shared_ray

    return shared_ray(suite.settings.ray_address)


def run_suite(suite: Suite, parallel: int = 1) -> bool:
    """Shows progress and, at the end, what failed. False when it was interrupted. `parallel`: how many campaigns at a
    time, each in a process of its own where it is more than one."""
    from egg_search.campaign.notices import notices
    from egg_search.core.hardware import detect
    from egg_search.reports.console import stdout

    settings = suite.settings
    for line in notices(detect(settings.device), settings.device, settings.dialects):
        stdout().print(f"note: {line}", markup=False)
    complete = _one_by_one(suite) if parallel == 1 else _spread(suite, parallel)
    for name, why in suite.failures.items():
        stdout().print(f"{name}: {why}", markup=False)
    return complete


def _one_by_one(suite: Suite) -> bool:
    from egg_search.reports.console import stdout
    from egg_search.reports.progress import progress

    console, names = stdout(), list(suite.problems)

    @contextmanager
    def watch(name: str) -> Iterator[Observer]:
        console.print(f"problem {names.index(name) + 1} of {len(names)}: {name}", markup=False)
        with progress(console) as observer:
            yield observer

    with _ray_for(suite):
        return suite.run(watch)


def _spread(suite: Suite, parallel: int) -> bool:
    from egg_search.bench.places import places
    from egg_search.bench.spread import Spread
    from egg_search.reports.console import stdout

    where, waiting = places(parallel, suite.settings.device), len(suite.pending())
    if not waiting:
        return True
    console, logs = stdout(), suite.runs.with_name("logs")
    console.print(f"{waiting} problems, {parallel} at a time; details in {logs}", markup=False)
    return Spread(suite, where[:waiting], logs, lambda line: console.print(line, markup=False)).run()
