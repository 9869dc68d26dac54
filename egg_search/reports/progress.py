"""The observer that suits where the output goes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from egg_search.campaign import Observer
from egg_search.reports.live import LiveProgress
from egg_search.reports.plain import PlainProgress


@contextmanager
def progress(console: Console) -> Iterator[Observer]:
    """A live panel on a terminal, else one line an event. Progress goes to the console's stream."""
    if console.is_terminal:
        with LiveProgress(console) as live:
            yield live
    else:
        yield PlainProgress(console.file or sys.stdout)
