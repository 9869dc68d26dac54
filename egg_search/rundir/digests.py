"""What an event says, as a short hash: a record that was changed afterwards is not taken for what happened."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence

BEGUN, PLANNED, JUDGED, DONE, CERTIFIED = "begun", "planned", "judged", "done", "certified"

_SAYS = {
    BEGUN: ("SELECT operator, author, step, idle FROM steps WHERE number = :step",),
    PLANNED: (
        "SELECT drafts.*, id, dialect, candidates.source FROM drafts LEFT JOIN candidates ON id = candidate "
        "WHERE step = :step ORDER BY position",
        "SELECT position, candidate, configuration, effort FROM evaluations WHERE step = :step ORDER BY position",
        "SELECT wanted FROM steps WHERE number = :step",
    ),
    JUDGED: (
        "SELECT outcome, ms, precision, verdict, at FROM evaluations WHERE step = :step AND position = :position",
    ),
    DONE: ("SELECT elapsed, timings, cost, archive FROM steps WHERE number = :step",),
}


def digest_of(db: sqlite3.Connection, kind: str, step: int, position: int | None = None) -> str:
    """Of what the tables hold of an event now. The same query writes and checks it, so that it covers whole rows."""
    told = [list(row) for query in _SAYS[kind] for row in db.execute(query, {"step": step, "position": position})]
    return hashed(told)


def hashed(told: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(told).encode(errors="surrogatepass")).hexdigest()[:16]
