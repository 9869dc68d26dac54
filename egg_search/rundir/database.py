"""The file behind a journal: made whole, and refused where it is of another version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from egg_search.rundir.errors import RunDirectoryError
from egg_search.rundir.schema import SCHEMA, VERSION


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """A connection to an existing journal. Raises RunDirectoryError when it is not one of this version."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}", uri=True, timeout=30)
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise RunDirectoryError(f"{path}: not a journal ({error})") from None
    if version != VERSION:
        raise RunDirectoryError(f"{path}: a journal of version {version}; this program reads version {VERSION}")
    return db


def create(path: Path) -> None:
    """An empty journal, whole or not at all."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    db.close()
