"""Writing the record of calls: every one is durable before its reply is used, and none is ever changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from operators.authors.llm.models.calls import Call
from operators.authors.llm.models.record_reader import COLUMNS, Reader
from operators.authors.llm.models.record_schema import open_for_writing
from operators.authors.llm.models.texts import keepable

_INSERT = f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


class Record(Reader):
    """`calls.sqlite` in a directory, which is created where needed. Thread-safe; several processes may write."""

    def __init__(self, directory: Path) -> None:
        """Raises UserError where that cannot be written."""
        super().__init__(open_for_writing(directory))

    def append(self, call: Call) -> int:
        """The call's id. Raises UserError when it cannot be written: the disk is full."""
        texts: dict[str, str] = {}
        turns = [[turn.role, _keep(turn.text, texts)] for turn in call.turns]
        values = {
            **{name: getattr(call, name) for name in COLUMNS},
            "turns": json.dumps(turns),
            "schema": None if call.schema is None else _keep(json.dumps(call.schema), texts),
            "reply": None if call.reply is None else _keep(call.reply, texts),
            "error": None if call.error is None else keepable(call.error),
        }
        with self._held():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", texts.items())
                number = self._db.execute(_INSERT, [values[name] for name in COLUMNS]).lastrowid
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        return number


def _keep(text: str, texts: dict[str, str]) -> str:
    """Its hash."""
    text = keepable(text)
    key = hashlib.sha256(text.encode()).hexdigest()
    texts[key] = text
    return key
