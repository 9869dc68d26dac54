"""Reading the record of calls, also while it is written."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from egg_search.core.errors import UserError
from operators.authors.llm.models.base import Reply, Turn
from operators.authors.llm.models.calls import Call
from operators.authors.llm.models.record_schema import open_for_reading
from operators.authors.llm.models.usage import Spending

COLUMNS = (
    *("at", "step", "role", "operator", "model", "key", "attempt", "max_tokens", "tokens_in", "tokens_out"),
    *("tokens_cached", "estimated", "seconds", "cost", "truncated", "reused", "error", "turns", "schema", "reply"),
)
_SUMS = (
    "SELECT COUNT(*) FILTER (WHERE reused IS NULL), COUNT(error), COUNT(reused), "
    "COALESCE(SUM(tokens_in), 0), COALESCE(SUM(tokens_out), 0), COALESCE(SUM(tokens_cached), 0), "
    "COALESCE(SUM(seconds), 0.0), SUM(cost) FILTER (WHERE reused IS NULL) FROM calls"
)


class Reader:
    """Thread-safe. Use it as a context manager, or close it. Every method raises UserError when the file is broken."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db, self._lock = db, threading.Lock()

    @classmethod
    def open(cls, directory: Path) -> Reader:
        """Raises UserError where there is no record."""
        return Reader(open_for_reading(directory))

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def spending(self, step: int | None = None) -> Spending:
        """Of the campaign's step; None: all so far."""
        where, values = ("", ()) if step is None else (" WHERE step = ?", (step,))
        return Spending(*self._rows(_SUMS + where, values)[0])

    def calls(self, step: int | None = None, after: int = 0) -> list[Call]:
        """Oldest first: those of a step, None: all. `after` skips those up to that id, for who looks every second."""
        where, values = ("step = ? AND id > ?", (step, after)) if step is not None else ("id > ?", (after,))
        rows = self._rows(f"SELECT id, {', '.join(COLUMNS)} FROM calls WHERE {where} ORDER BY id", values)
        return [self._call(row) for row in rows]

    def reply_to(self, key: str) -> tuple[int, Reply] | None:
        """The first reply to such a prompt and its call's id, as it was paid for."""
        rows = self._rows(
            "SELECT id, text, model, tokens_in, tokens_out, tokens_cached, seconds, cost, truncated, estimated "
            "FROM calls JOIN texts ON hash = reply "
            "WHERE key = ? AND reply IS NOT NULL AND reused IS NULL ORDER BY id LIMIT 1",
            (key,),
        )
        if not rows:
            return None
        number, *rest, truncated, estimated = rows[0]
        return number, Reply(*rest, bool(truncated), bool(estimated))

    def _call(self, row: tuple[Any, ...]) -> Call:
        number, *rest = row
        data = dict(zip(COLUMNS, rest, strict=True))
        turns = tuple(Turn(role, self._text(key)) for role, key in json.loads(data["turns"]))
        schema = data["schema"] and json.loads(self._text(data["schema"]))
        reply = data["reply"] and self._text(data["reply"])
        truth = {name: bool(data[name]) for name in ("estimated", "truncated")}
        return Call(**{**data, **truth, "turns": turns, "schema": schema, "reply": reply, "id": number})

    def _text(self, key: str) -> str:
        return self._rows("SELECT text FROM texts WHERE hash = ?", (key,))[0][0]

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._held():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The connection to oneself; what SQLite says of it as a UserError."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise UserError(f"calls.sqlite: {error}") from None
