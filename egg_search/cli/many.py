"""Campaigns on several problems in front of a user: the part that `egg demo` and `egg bench` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from egg_search.bench.suite import Suite
    from egg_search.campaign import Observer


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

    complete = suite.run(watch)
    for name, why in suite.failures.items():
        console.print(f"{name}: {why}", markup=False)
    return complete
