"""What can be wrong with a run directory, in a user's words."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from egg_search.core.errors import UserError


class RunDirectoryError(UserError):
    """Not a run directory, in use, or of another version."""


class DiskFull(UserError):
    """Nothing more can be written; what was written before is whole."""


@contextmanager
def disk_full_is_clean(where: Path) -> Iterator[None]:
    """Turns 'no space left', from SQLite or from the file system, into DiskFull."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        full = (
            error.sqlite_errorcode == sqlite3.SQLITE_FULL
            if isinstance(error, sqlite3.OperationalError)
            else error.errno in (errno.ENOSPC, errno.EDQUOT)
        )
        if not full:
            raise
        raise DiskFull(f"{where}: the disk is full; free some space, then: egg resume {where}") from error
