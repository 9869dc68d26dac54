"""Whatever is changed in a record afterwards is noticed, and told in one line."""

import random
import shutil
import sqlite3

import pytest
from search_fakes import FakeWorkshop

from egg_search.replay import Difference, replay

FIELDS = {  # table: columns to change
    "steps": ("operator", "author", "step", "idle", "wanted", "elapsed", "timings", "cost", "archive"),
    "drafts": ("candidate", "signature", "change", "operator", "author", "parent", "principles", "model"),
    "evaluations": ("candidate", "configuration", "effort", "outcome", "ms", "verdict", "at"),
    "candidates": ("id", "dialect", "source"),
    "certified": ("configuration", "verdict"),
}
CASES = [(table, column) for table, columns in FIELDS.items() for column in columns]


@pytest.fixture(scope="module")
def original(tmp_path_factory, campaign_in):
    campaign = campaign_in(tmp_path_factory.mktemp("tampering"), evaluations=24)
    campaign.run()
    return campaign.directory.path


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "copy")


def changed(path, table, column, rng):
    """Another value in any one row; numbers and texts change a little."""
    with sqlite3.connect(path / "journal.sqlite") as db:
        row, value = rng.choice(
            db.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall()
        )
        if isinstance(value, str):
            digits = [n for n, c in enumerate(value) if c.isdigit()]
            n = rng.choice(digits) if digits else rng.randrange(max(len(value), 1))
            other = "7" if value[n : n + 1] != "7" else "3"
            value = value[:n] + other + value[n + 1 :]
        else:
            value += 1
        db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))


@pytest.mark.parametrize(("table", "column"), CASES)
def test_any_one_field(copy, table, column):
    changed(copy, table, column, random.Random(f"{table} {column}"))
    with pytest.raises(Difference) as difference:
        replay(copy, workshop=FakeWorkshop())
    assert "\n" not in str(difference.value)


def test_any_one_verdict(original, tmp_path):
    rng = random.Random(1)
    for number in range(8):
        path = shutil.copytree(original, tmp_path / str(number))
        changed(path, "evaluations", "verdict", rng)
        with pytest.raises(Difference):
            replay(path, workshop=FakeWorkshop())


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("""UPDATE steps SET step = json_set(step, '$.limit', 3) WHERE number = 3""", "step 3, limit: recorded 3, "),
        ("""UPDATE steps SET step = json_set(step, '$.parent', 'x') WHERE number = 3""", "step 3, parent: recorded x"),
        ("""UPDATE steps SET idle = '["fake"]' WHERE number = 3""", "step 3"),
        ("""UPDATE steps SET wanted = 3 WHERE number = 3""", "step 3, configuration: 4 recorded, 3 replayed"),
        (
            """UPDATE evaluations SET effort = 'full' WHERE step = 3 AND position = 1""",
            "step 3, configuration 2, effort",
        ),
        (
            """UPDATE evaluations SET verdict = json_set(verdict, '$.timing.ms.value', 0.5,
            '$.timing.ms.low', 0.5, '$.timing.ms.high', 0.5) WHERE step = 3 AND position = 1""",
            "step 3, archive",
        ),
    ],
)
def test_what_was_decided_is_computed_again_and_not_believed(copy, tamper, query, told):
    """Digests that fit do not help."""
    tamper(copy, query, consistent=True)
    with pytest.raises(Difference, match=told):
        replay(copy, workshop=FakeWorkshop())


def test_a_step_that_is_gone(copy):
    with sqlite3.connect(copy / "journal.sqlite") as db:
        db.execute("DELETE FROM events WHERE step = 4")
    with pytest.raises(Difference, match="step 4"):
        replay(copy, workshop=FakeWorkshop())


def test_another_end(copy):
    with sqlite3.connect(copy / "journal.sqlite") as db:
        db.execute("DELETE FROM certified WHERE rowid = (SELECT min(rowid) FROM certified)")
    with pytest.raises(Difference, match=r"second judgements: .* was not judged again then"):
        replay(copy, workshop=FakeWorkshop())
