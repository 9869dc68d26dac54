"""The file. Several campaigns may end at once; one that is killed meanwhile leaves it as it was."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from egg_search.core.sqlite import use_wal
from egg_search.experience.records import CampaignRecord, Outcome, Situation, Told

VERSION = 1
RECENT = 1000  # campaigns that are read: older ones had other machines and another program
_PATIENCE_SECONDS = 10.0  # with other writers

_TABLES = (
    "CREATE TABLE campaigns (id TEXT PRIMARY KEY, name TEXT NOT NULL, at REAL NOT NULL, problem TEXT NOT NULL, "
    "kind TEXT NOT NULL, hardware TEXT NOT NULL, kernels TEXT NOT NULL, bound TEXT NOT NULL, dtype TEXT NOT NULL)",
    "CREATE TABLE outcomes (campaign TEXT NOT NULL REFERENCES campaigns, principle TEXT NOT NULL, "
    "tried INTEGER NOT NULL, gains TEXT NOT NULL, PRIMARY KEY (campaign, principle))",
    "CREATE INDEX outcomes_by_principle ON outcomes (principle)",
    f"PRAGMA user_version = {VERSION}",
)
_READ = (
    "SELECT principle, tried, gains, problem, kind, hardware, kernels, bound, dtype "
    f"FROM (SELECT * FROM campaigns ORDER BY at DESC, id LIMIT {RECENT}) JOIN outcomes ON campaign = id "
    "WHERE ? IS NULL OR principle = ? ORDER BY at, id, principle"
)


class StoreError(Exception):
    """It cannot be read or written; the message is one line."""


def store_path() -> Path:
    """EGG_DATA_DIR, or egg-search in the user's data folder."""
    if folder := os.environ.get("EGG_DATA_DIR"):
        return Path(folder) / "experience.sqlite"
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(base) / "egg-search" / "experience.sqlite"


class Store:
    """Opened anew for every call. All raise StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, record: CampaignRecord) -> None:
        """Replaces what there is of the same campaign."""
        where = record.situation
        campaign = (record.id, record.name, record.at, where.problem, where.kind, where.hardware)
        features = (json.dumps(where.kernels), where.bound, where.dtype)
        rows = [(record.id, each.principle, each.tried, json.dumps(each.gains)) for each in record.outcomes]
        with self._told(), closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")  # closing without COMMIT takes all back
            db.execute("DELETE FROM outcomes WHERE campaign = ?", (record.id,))
            db.execute("INSERT OR REPLACE INTO campaigns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*campaign, *features))
            db.executemany("INSERT INTO outcomes VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")

    def read(self, principle: str | None = None) -> list[Told]:
        """Of recent campaigns, oldest first; None: of all principles. [] where there is no file."""
        with self._told():
            if not self.path.exists():
                return []
            with closing(self._open()) as db:
                return [_told(*row) for row in db.execute(_READ, (principle, principle))]

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=_PATIENCE_SECONDS, isolation_level=None)
        try:
            if _version(db) != VERSION:
                _make(db)
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:  # ValueError: rows of somebody else
            raise StoreError(f"{self.path}: no experience is kept or used ({error})") from None


def _make(db: sqlite3.Connection) -> None:
    """Two that come at once do not both make it."""
    use_wal(db, _PATIENCE_SECONDS)
    db.execute("BEGIN IMMEDIATE")
    if (version := _version(db)) == 0:
        for statement in _TABLES:
            db.execute(statement)
    elif version != VERSION:
        raise ValueError(f"it has version {version}; this program has {VERSION}")
    db.execute("COMMIT")


def _version(db: sqlite3.Connection) -> int:
    return db.execute("PRAGMA user_version").fetchone()[0]


def _told(principle: str, tried: int, gains: str, *where: str) -> Told:
    problem, kind, hardware, kernels, bound, dtype = where
    situation = Situation(problem, kind, hardware, tuple(json.loads(kernels)), bound, dtype)
    return Told(Outcome(principle, tried, tuple(json.loads(gains))), situation)
