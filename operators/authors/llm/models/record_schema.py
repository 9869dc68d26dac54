"""The tables of calls.sqlite, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from egg_search.core.errors import UserError
from egg_search.core.sqlite import use_wal

FILE, VERSION = "calls.sqlite", 1
_PATIENCE_SECONDS = 30.0  # with other writers

# Prompts share most of their turns, so texts are kept once. Nothing is ever changed.
_TABLES = """
CREATE TABLE texts (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, step INTEGER, role TEXT NOT NULL, operator TEXT NOT NULL,
    model TEXT NOT NULL, key TEXT NOT NULL, attempt INTEGER NOT NULL, max_tokens INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, tokens_cached INTEGER NOT NULL,
    estimated INTEGER NOT NULL, seconds REAL NOT NULL, cost REAL, truncated INTEGER NOT NULL,
    reused INTEGER REFERENCES calls(id), error TEXT,
    turns TEXT NOT NULL,  -- [[role, hash of text], ...]
    schema TEXT REFERENCES texts(hash), reply TEXT REFERENCES texts(hash),
    CHECK ((error IS NULL) != (reply IS NULL))
);
CREATE INDEX calls_by_key ON calls (key) WHERE reply IS NOT NULL AND reused IS NULL;
CREATE INDEX calls_by_step ON calls (step);
CREATE TRIGGER calls_stay BEFORE UPDATE ON calls BEGIN SELECT RAISE(ABORT, 'calls are never changed'); END;
CREATE TRIGGER calls_remain BEFORE DELETE ON calls BEGIN SELECT RAISE(ABORT, 'calls are never removed'); END;
"""


def open_for_writing(directory: Path) -> sqlite3.Connection:
    """Creates directory and file where needed. A write that returned survives a crash. Raises UserError."""
    path = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, check_same_thread=False, isolation_level=None)
        use_wal(db, _PATIENCE_SECONDS)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")  # two that come at once do not both create it
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _statements():
                db.execute(statement)
        db.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise UserError(f"{path}: cannot be written ({error})") from None
    return _of_this_version(db, path)


def open_for_reading(directory: Path) -> sqlite3.Connection:
    """Raises UserError where there is no record."""
    path = directory / FILE
    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_SECONDS, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise UserError(f"{path}: no record of calls ({error})") from None
    return _of_this_version(db, path)


def _statements() -> list[str]:
    """One at a time: `executescript` would end the transaction."""
    statements, buffer = [], ""
    for line in _TABLES.splitlines():
        buffer += line + "\n"
        if sqlite3.complete_statement(buffer):
            statements.append(buffer)
            buffer = ""
    return [*statements, f"PRAGMA user_version = {VERSION}"]


def _of_this_version(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise UserError(f"{path}: not a record of calls ({error})") from None
    if version != VERSION:
        raise UserError(f"{path}: a record of version {version}; this program reads version {VERSION}")
    return db
