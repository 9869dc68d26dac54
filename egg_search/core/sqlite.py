"""SQLite files that several processes write."""

from __future__ import annotations

import sqlite3
import time


def use_wal(db: sqlite3.Connection, patience_seconds: float) -> None:
    """Of two that come at once SQLite tells one that the file is locked, whatever the connection's time-out."""
    end = time.monotonic() + patience_seconds
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
        time.sleep(0.02)
