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


def run_suite(suite: Suite) -> bool:
    """Shows progress and, at the end, what failed. False when it was interrupted."""
    from egg_search.reports.console import stdout
    from egg_search.reports.progress import progress

    console, names = stdout(), list(suite.problems)

    @contextmanager
    def watch(name: str) -> Iterator[Observer]:
        console.print(f"problem {names.index(name) + 1} of {len(names)}: {name}", markup=False)
        with progress(console) as observer:
            yield observer

    with _ray_for(suite):
        complete = suite.run(watch)
    for name, why in suite.failures.items():
        console.print(f"{name}: {why}", markup=False)
    return complete
