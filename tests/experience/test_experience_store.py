"""The store: real files, writers that come at once or are killed, files that are none of ours."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from egg_search.experience import CampaignRecord, Outcome, Situation, Store, StoreError, store_path
from egg_search.experience import store as module

HERE = Situation("p1", "cuda", "H100", ("matmul", "nest"), "memory", "float32")
RECORD = CampaignRecord("c1", "softmax", 1.0, HERE, (Outcome("fuse", 3, (0.1, 0.25)), Outcome("split", 2)))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "deep" / "experience.sqlite")


def test_what_goes_in_comes_out(store):
    assert store.read() == []
    assert not store.path.parent.exists()  # reading makes nothing
    store.write(RECORD)
    assert [(each.outcome, each.situation) for each in store.read()] == [(each, HERE) for each in RECORD.outcomes]
    assert [each.outcome.principle for each in store.read("split")] == ["split"]
    assert store.read("no such") == []


def test_a_campaign_replaces_its_own_rows_only(store):
    store.write(RECORD)
    store.write(replace(RECORD, id="c2", at=2.0))
    for _ in range(2):
        store.write(replace(RECORD, at=3.0, outcomes=(Outcome("fuse", 9, (0.5,)),)))
    assert [each.outcome.tried for each in store.read("fuse")] == [3, 9]
    assert [each.outcome.tried for each in store.read("split")] == [2]


def test_the_latest_campaigns_are_read(store, monkeypatch):
    for number in range(5):
        store.write(replace(RECORD, id=f"c{number}", at=float(number), outcomes=(Outcome("fuse", number + 1),)))
    monkeypatch.setattr(module, "_READ", module._READ.replace(f"LIMIT {module.RECENT}", "LIMIT 2"))
    assert [each.outcome.tried for each in store.read()] == [4, 5]


WRITER = """
import sys
from pathlib import Path
from egg_search.experience import CampaignRecord, Outcome, Situation, Store

store, name, count = Store(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
many = tuple(Outcome(f"p{number}", number, (0.1,) * number) for number in range(60))
for number in range(count):
    store.write(CampaignRecord(f"{name}{number}", "x", float(number), Situation("p", "cpu", "here"), many))
    print(number, flush=True)
"""


def writer(store, name, count):
    command = [sys.executable, "-c", WRITER, str(store.path), name, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_two_write_at_once_from_the_first_moment(store):
    both = [writer(store, name, 40) for name in ("a", "b")]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        process.stdout.close()
    assert len(store.read("p1")) == 80
    assert len(store.read()) == 80 * 60


def test_one_that_is_killed_leaves_whole_campaigns(store):
    process = writer(store, "a", 100_000)
    for _ in range(5):
        process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    told = store.read()
    assert len(told) >= 5 * 60 and len(told) % 60 == 0
    store.write(RECORD)
    assert len(store.read("fuse")) == 1


def test_an_open_transaction_of_another_is_not_seen_and_not_waited_for_by_readers(store):
    store.write(RECORD)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM outcomes")
    assert len(store.read()) == 2
    other.close()
    assert len(store.read()) == 2


def test_a_writer_gives_up_after_a_while(store, monkeypatch):
    store.write(RECORD)
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.1)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.write(RECORD)
    other.close()


@pytest.mark.parametrize(
    "content", [b"not SQLite, but long enough to look at" * 10, b"SQLite format 3\0" + b"\0" * 200]
)
def test_what_is_no_store_is_told_in_one_line_and_left_alone(store, content):
    store.path.parent.mkdir()
    store.path.write_bytes(content)
    for use in (store.read, lambda: store.write(RECORD)):
        with pytest.raises(StoreError) as error:
            use()
        assert str(store.path) in str(error.value) and "\n" not in str(error.value)
    assert store.path.read_bytes() == content


def test_stores_of_other_versions_and_tables_are_left_alone(store):
    store.write(RECORD)
    with sqlite3.connect(store.path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="version 99"):
        store.read()


def test_rows_that_make_no_sense(store):
    store.write(RECORD)
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE outcomes SET gains = 'many'")
    db.close()
    with pytest.raises(StoreError):
        store.read()


def test_where_it_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "experience.sqlite")
    with pytest.raises(StoreError):
        store.write(RECORD)


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("EGG_DATA_DIR", str(tmp_path))
    assert store_path() == tmp_path / "experience.sqlite"
    monkeypatch.delenv("EGG_DATA_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store_path() == tmp_path / "egg-search" / "experience.sqlite"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_path() == tmp_path / ".local" / "share" / "egg-search" / "experience.sqlite"
