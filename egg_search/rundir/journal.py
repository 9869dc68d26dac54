"""Writing a journal: one transaction an event, durable when the call returns."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from egg_search.core.step import Job, Step, configuration_key
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from egg_search.rundir.database import connect
from egg_search.rundir.digests import BEGUN, DONE, JUDGED, PLANNED, digest_of, hashed
from egg_search.rundir.errors import disk_full_is_clean
from egg_search.rundir.reader import Reader
from operators.base import Draft, Refusal


class Journal(Reader):
    """The one writer. WAL with synchronous=FULL: a call that returned survives a crash of process and machine.

    The order of a step: `begin`, `plan`, one `record` a verdict, `finish`.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(connect(directory / "journal.sqlite"))
        self._directory = directory
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._session: int | None = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with disk_full_is_clean(self._directory), self._db:
            yield self._db

    def open_session(self, survey: Survey) -> int:
        row = (os.getpid(), socket.gethostname(), time.time(), json.dumps(survey.to_json()))
        with self._transaction() as db:
            query = "INSERT INTO sessions (pid, host, started, survey) VALUES (?, ?, ?, ?)"
            self._session = db.execute(query, row).lastrowid
        return self._session

    def close_session(self, why: str, elapsed: float) -> None:
        row = (time.time(), why, elapsed, self._session)
        with self._transaction() as db:
            db.execute("UPDATE sessions SET ended = ?, why = ?, elapsed = ? WHERE id = ?", row)

    def begin(self, step: Step, idle: Collection[str] | None = None) -> None:
        """`idle` is what its scheduler was told of who may be given work."""
        told = None if idle is None else json.dumps(sorted(idle))
        row = (step.number, step.operator, step.author, json.dumps(asdict(step)), told)
        with self._transaction() as db:
            db.execute("INSERT INTO steps (number, operator, author, step, idle) VALUES (?, ?, ?, ?, ?)", row)
            self._event(db, BEGUN, step.number)

    def plan(
        self, step: Step, drafts: Sequence[Draft | Refusal], jobs: Sequence[Job], wanted: int | None = None
    ) -> None:
        """What the authors proposed and what shall be judged, at once: a step is planned whole or not at all. `wanted`
        is how many configurations a study was asked for."""
        new = [draft.candidate for draft in drafts if isinstance(draft, Draft)]
        with disk_full_is_clean(self._directory):
            for candidate in new:
                _write_whole(self._directory / "candidates" / f"{candidate.id}.py", candidate.source)
        with self._transaction() as db:
            rows = [(c.id, c.dialect, c.source) for c in new]
            db.executemany("INSERT INTO candidates VALUES (?, ?, ?)", rows)
            db.executemany(
                "INSERT INTO drafts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_draft_row(step.number, position, draft) for position, draft in enumerate(drafts)],
            )
            db.executemany(
                "INSERT INTO evaluations (step, position, candidate, configuration, effort) VALUES (?, ?, ?, ?, ?)",
                [
                    (step.number, position, job.candidate, configuration_key(job.configuration), job.effort)
                    for position, job in enumerate(jobs)
                ],
            )
            db.execute("UPDATE steps SET planned = 1, wanted = ? WHERE number = ?", (wanted, step.number))
            self._event(db, PLANNED, step.number)

    def record(self, step: int, position: int, verdict: Verdict) -> None:
        """Raises ValueError when this job has a verdict already, or there is no such job."""
        ms = verdict.timing and verdict.timing.ms.value
        precision = verdict.errors and verdict.errors.precision
        row = (verdict.outcome, ms, precision, json.dumps(verdict.to_json()), time.time(), step, position)
        with self._transaction() as db:
            changed = db.execute(
                "UPDATE evaluations SET outcome = ?, ms = ?, precision = ?, verdict = ?, at = ? "
                "WHERE step = ? AND position = ? AND outcome IS NULL",
                row,
            ).rowcount
            if changed != 1:
                raise ValueError(f"job {position} of step {step} is not waiting for a verdict")
            self._event(db, JUDGED, step, position)

    def finish(
        self, step: int, elapsed: float, timings: Mapping[str, float], cost: float = 0.0, archive: str = ""
    ) -> None:
        """`cost` is what the scheduler is told: a clock would not say the same again. `archive` is the digest of the
        archive after it."""
        with self._transaction() as db:
            row = (elapsed, json.dumps(dict(timings)), cost, archive, step)
            db.execute("UPDATE steps SET elapsed = ?, timings = ?, cost = ?, archive = ? WHERE number = ?", row)
            self._event(db, DONE, step)

    def certify(self, results: Sequence[tuple[Job, Verdict]]) -> None:
        """Replaces the second judgements of earlier sessions by this one's."""
        told = [
            (job.candidate, configuration_key(job.configuration), json.dumps(verdict.to_json()))
            for job, verdict in results
        ]
        rows = [(*each, self._session, hashed(each)) for each in told]
        with self._transaction() as db:
            db.execute("DELETE FROM certified")
            db.executemany("INSERT INTO certified VALUES (?, ?, ?, ?, ?)", rows)

    def _event(self, db: sqlite3.Connection, kind: str, step: int, position: int | None = None) -> None:
        """Last in its transaction: its digest is of what that has written."""
        row = (kind, step, position, self._session, digest_of(db, kind, step, position))
        db.execute("INSERT INTO events (kind, step, position, session, digest) VALUES (?, ?, ?, ?, ?)", row)


def _draft_row(step: int, position: int, draft: Draft | Refusal) -> tuple:
    head = (step, position)
    about = (draft.change, draft.operator, draft.author, draft.parent)
    if isinstance(draft, Draft):
        followed = json.dumps(draft.principles)
        return (*head, draft.candidate.id, draft.signature, *about, followed, None, None, draft.model)
    return (*head, None, None, *about, "[]", draft.reason, draft.source, draft.model)


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)
