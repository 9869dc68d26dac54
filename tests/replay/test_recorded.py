"""A campaign that was recorded once, with real prompts, kernels and measurements: it replays anywhere."""

import re
import sqlite3

import pytest

from egg_search.replay import Difference, Recording, replay

NEW = "where that is as it should be: python tests/replay/make_recorded.py"


@pytest.fixture
def calls(recorded):
    """The record of calls, to be changed."""
    db = sqlite3.connect(recorded / "calls.sqlite", isolation_level=None)
    for name in ("calls_stay", "calls_remain"):
        db.execute(f"DROP TRIGGER {name}")
    yield db
    db.close()


def test_it_replays(recorded):
    try:
        found = replay(recorded)
    except Difference as difference:
        pytest.fail(f"{difference}; {NEW}")
    assert found.certified and found.front == Recording.open(recorded).front
    assert found.configurations >= 6 and found.calls >= 6 and found.open == 0


def test_models_are_not_asked_and_nothing_is_built(recorded, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was used"))
    replay(recorded)


def test_any_one_reply_that_is_changed(recorded, calls):
    keys = [key for (key,) in calls.execute("SELECT DISTINCT reply FROM calls WHERE reply IS NOT NULL ORDER BY id")]
    assert len(keys) >= 3
    for key in keys:
        (text,) = calls.execute("SELECT text FROM texts WHERE hash = ?", (key,)).fetchone()
        calls.execute("UPDATE texts SET text = ? WHERE hash = ?", (text + " ", key))
        with pytest.raises(Difference, match=r"calls\.sqlite: a text is not what was recorded"):
            replay(recorded)
        calls.execute("UPDATE texts SET text = ? WHERE hash = ?", (text, key))
    replay(recorded)


def test_any_one_call_that_is_missing(recorded, calls):
    calls.execute("PRAGMA foreign_keys = OFF")
    of_each_role = "SELECT max(id) FROM calls WHERE reused IS NULL GROUP BY role"
    for row in calls.execute(f"SELECT * FROM calls WHERE id IN ({of_each_role})").fetchall():
        calls.execute("DELETE FROM calls WHERE id = ?", row[:1])
        with pytest.raises(Difference, match=r"step \d+, the \w+"):
            replay(recorded)
        calls.execute(f"INSERT INTO calls VALUES ({', '.join('?' * len(row))})", row)
    replay(recorded)


def test_another_reply_makes_another_draft(recorded, calls):
    """One whose hash fits, as if the model had said so."""
    (other,) = calls.execute("SELECT reply FROM calls WHERE role = 'architect'").fetchone()
    (first,) = calls.execute("SELECT min(id) FROM calls WHERE role = 'coder'").fetchone()
    calls.execute("UPDATE calls SET reply = ? WHERE id = ?", (other, first))
    with pytest.raises(Difference, match="step 1, "):
        replay(recorded)


def test_a_prompt_that_changed_is_shown_where_it_does(recorded, tamper):
    """Another note on the machine: prompts quote it."""
    tamper(recorded, "UPDATE sessions SET survey = json_set(survey, '$.baselines_ms.eager', 123.0) WHERE id = 1")
    with pytest.raises(Difference, match=r"step 1, the architect, line \d+ of the prompt: recorded .*, replayed .*123"):
        replay(recorded)


def test_the_record_of_calls_is_gone(recorded):
    from egg_search.core.errors import UserError

    (recorded / "calls.sqlite").unlink()
    with pytest.raises(UserError, match="no record of calls"):
        replay(recorded)


def test_other_problem(recorded):
    from egg_search.core.errors import UserError

    path = recorded / "problem.py"
    path.write_text(re.sub("256", "128", path.read_text()))
    with pytest.raises(UserError, match="changed since the campaign began"):
        replay(recorded)
