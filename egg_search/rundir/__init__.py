"""The run directory: everything that a campaign knows, on disk. Pure storage: it neither samples nor archives.

    settings.json     what was asked for
    problem.py        the problem as it was when the campaign began
    hardware.json     the machine, versions of packages and compiler, and the layers of isolation
    candidates/ID.py  the source of every candidate
    journal.sqlite    the truth: steps, drafts, refusals, evaluations with verdicts (WAL, synchronous=FULL)
    lock              held (flock) by the driver that is alive

One process writes. Any number may read while it does: `RunDirectory(path).read()`.
"""

from egg_search.rundir.digests import BEGUN, CERTIFIED, DONE, JUDGED, PLANNED
from egg_search.rundir.directory import RunDirectory
from egg_search.rundir.errors import DiskFull, RunDirectoryError
from egg_search.rundir.journal import Journal
from egg_search.rundir.reader import Reader
from egg_search.rundir.records import Evaluation, Event, Session, StepRecord

__all__ = [
    "BEGUN",
    "CERTIFIED",
    "DONE",
    "JUDGED",
    "PLANNED",
    "DiskFull",
    "Evaluation",
    "Event",
    "Journal",
    "Reader",
    "RunDirectory",
    "RunDirectoryError",
    "Session",
    "StepRecord",
]
