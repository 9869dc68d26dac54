"""Reading a journal: rows as records. Works on the writer's connection and, read-only, beside a live driver."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.knobs import Lever
from egg_search.core.step import Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from egg_search.rundir.digests import CERTIFIED, digest_of, hashed
from egg_search.rundir.records import Evaluation, Event, Session, StepRecord
from operators.base import Draft, Refusal


class Reader:
    """Everything that a journal holds, as records. `close` it, or use it as a context manager."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._db.row_factory = sqlite3.Row

    def steps(self) -> Iterator[StepRecord]:
        """All steps in order. Streams: memory is one step's."""
        for row in self._db.execute("SELECT * FROM steps ORDER BY number").fetchall():
            yield StepRecord(
                _step(json.loads(row["step"])),
                bool(row["planned"]),
                tuple(self._drafts(row["number"])),
                tuple(self._evaluations("WHERE step = ? ORDER BY position", row["number"])),
                row["elapsed"],
                json.loads(row["timings"] or "{}"),
                row["cost"] or 0.0,
                None if row["idle"] is None else tuple(json.loads(row["idle"])),
                row["wanted"],
                row["archive"],
            )

    def events(self) -> Iterator[Event]:
        """In the order in which they happened."""
        for row in self._db.execute("SELECT * FROM events ORDER BY seq").fetchall():
            yield Event(row["kind"], row["step"], row["position"], row["session"])

    def changed(self) -> set[Event]:
        """Those of `events`, and CERTIFIED ones of step 0, whose records are not what was once written."""
        certified = self._db.execute("SELECT candidate, configuration, verdict, digest FROM certified ORDER BY rowid")
        found = {Event(CERTIFIED, 0, n) for n, (*told, digest) in enumerate(certified) if hashed(told) != digest}
        written = [row["digest"] for row in self._db.execute("SELECT digest FROM events ORDER BY seq")]
        for event, digest in zip(self.events(), written, strict=True):
            if digest_of(self._db, event.kind, event.step, event.position) != digest:
                found.add(event)
        return found

    def hold_still(self) -> None:
        """From now on it sees the journal as it is now, whatever a live writer adds."""
        self._db.execute("BEGIN")
        self._db.execute("SELECT count(*) FROM events").fetchone()

    def candidate(self, candidate_id: str) -> Candidate:
        """Raises KeyError when there is none."""
        row = self._db.execute("SELECT * FROM candidates WHERE id = ?", (candidate_id,)).fetchone()
        if row is None:
            raise KeyError(candidate_id)
        return Candidate(row["source"], Dialect(row["dialect"]))

    def draft(self, candidate_id: str) -> Draft:
        """The draft that brought a candidate in. Raises KeyError when there is none."""
        row = self._db.execute("SELECT * FROM drafts WHERE candidate = ? ORDER BY step", (candidate_id,)).fetchone()
        if row is None:
            raise KeyError(candidate_id)
        return self._draft(row)

    def evaluations(self) -> Iterator[Evaluation]:
        """All that were judged, in the order of steps."""
        return self._evaluations("WHERE outcome IS NOT NULL ORDER BY step, position")

    def evaluated(self) -> int:
        return self._db.execute("SELECT count(*) FROM evaluations WHERE outcome IS NOT NULL").fetchone()[0]

    def elapsed(self) -> float:
        """Seconds of search, up to the last step that was done or session that ended."""
        query = "SELECT max(elapsed) FROM (SELECT elapsed FROM steps UNION SELECT elapsed FROM sessions)"
        return self._db.execute(query).fetchone()[0] or 0.0

    def timings(self) -> dict[str, float]:
        """Seconds by "author", "build", "run" and "engine" over all finished steps."""
        query = "SELECT key, sum(value) FROM steps, json_each(timings) GROUP BY key"
        return dict(map(tuple, self._db.execute(query)))

    def finished(self) -> float:
        """Seconds of search when the last step was done, of which `timings` tell."""
        return self._db.execute("SELECT max(elapsed) FROM steps").fetchone()[0] or 0.0

    def sessions(self) -> list[Session]:
        return [
            Session(
                *(row[k] for k in ("id", "pid", "host", "started", "ended", "why")),
                Survey.from_json(json.loads(row["survey"])),
            )
            for row in self._db.execute("SELECT * FROM sessions ORDER BY id")
        ]

    def certified(self) -> list[tuple[Job, Verdict]]:
        """The second judgements that ended the latest session, failed ones too; empty where it has had none (yet)."""
        rows = self._db.execute("SELECT * FROM certified WHERE session = (SELECT max(id) FROM sessions) ORDER BY rowid")
        return [
            (Job(row["candidate"], json.loads(row["configuration"]), "full"), _verdict(row["verdict"])) for row in rows
        ]

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drafts(self, step: int) -> Iterator[Draft | Refusal]:
        for row in self._db.execute("SELECT * FROM drafts WHERE step = ? ORDER BY position", (step,)):
            yield self._draft(row)

    def _draft(self, row: sqlite3.Row) -> Draft | Refusal:
        common = {k: row[k] for k in ("change", "operator", "author", "parent", "model")}
        if row["reason"] is not None:
            return Refusal(reason=row["reason"], source=row["source"], **common)
        principles = tuple(json.loads(row["principles"]))
        return Draft(self.candidate(row["candidate"]), row["signature"], principles=principles, **common)

    def _evaluations(self, where: str, *values: Any) -> Iterator[Evaluation]:
        for row in self._db.execute(f"SELECT * FROM evaluations {where}", values):
            job = Job(row["candidate"], json.loads(row["configuration"]), row["effort"])
            yield Evaluation(row["step"], row["position"], job, _verdict(row["verdict"]), row["at"])


def _step(data: dict[str, Any]) -> Step:
    dialect, lever = data["dialect"], data["lever"]
    typed = {
        "dialect": dialect and Dialect(dialect),
        "lever": lever and Lever(lever),
        "principles": tuple(data["principles"]),
    }
    return Step(**{**data, **typed})


def _verdict(text: str | None) -> Verdict | None:
    return None if text is None else Verdict.from_json(json.loads(text))
