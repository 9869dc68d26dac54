"""The main program of one of several processes that search on a suite's problems.

Its stdin is the connection to the process that started it (`spread.py`), which sends the suite and then one problem's
name at a time; what is printed here goes to a log.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from egg_search.bench.suite import Suite
from egg_search.campaign import Observer
from egg_search.cluster.ray_cluster import shared_ray
from egg_search.core.errors import UserError
from egg_search.reports.plain import PlainProgress
from evaluator.isolation.layers.libc import PR_SET_PDEATHSIG, prctl


@dataclass(frozen=True)
class Told:
    """What became of a search. `best` is a line on what was found, `failure` why there is no result; after an
    interruption neither counts. `fatal` is what ends the whole suite, such as a full disk."""

    best: str = ""
    failure: str | None = None
    interrupted: bool = False
    fatal: str | None = None


def main() -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGINT)  # a killed parent is as good as Ctrl-C
    with _connection() as parent, suppress(OSError, EOFError):  # the parent hangs up when there is no more to do
        try:
            _serve(parent)
        except UserError as error:
            parent.send(Told(fatal=str(error)))
        except KeyboardInterrupt:
            parent.send(Told(interrupted=True))


def _connection() -> Connection:
    """What came as stdin, where no process that is started from here finds it."""
    connection = Connection(os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    return connection


def _serve(parent: Connection) -> None:
    """Searches until the parent hangs up (EOFError), with one Ray for all campaigns."""
    suite: Suite = parent.recv()
    with shared_ray(suite.settings.ray_address):
        while True:
            parent.send(_search(suite, parent.recv()))


def _search(suite: Suite, name: str) -> Told:
    board: PlainProgress | None = None

    @contextmanager
    def watch(problem: str) -> Iterator[Observer]:
        nonlocal board
        board = PlainProgress(sys.stdout)
        yield board

    interrupted = not suite.search(name, watch)
    best = f"{board.best_line()}; {board.evaluations} configurations, {board.rate:.2f} a second" if board else ""
    return Told(best, suite.failures.get(name), interrupted)
