"""The record: every call, for good, whatever happens to the process."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from llm_asking import ABOUT, prompt
from scripted_server import Say, completion, error

from egg_search.core.errors import UserError
from operators.authors.llm.models.base import About, Reply
from operators.authors.llm.models.calls import call_of
from operators.authors.llm.models.record import Record
from operators.authors.llm.models.record_reader import Reader
from operators.authors.llm.models.usage import Spending

REPLY = Reply("r", "m", 100, 20, 60, 1.5, 0.25)


def call(text="hello", about=ABOUT, reply=REPLY, key="k", **more):
    return call_of(key, prompt(text, {"a": 1}), about, reply, **more)


@pytest.fixture
def record(tmp_path):
    record = Record(tmp_path / "new" / "run")
    yield record
    record.close()


def test_calls_come_back_as_they_went_in(record, tmp_path):
    first, second = call(), call("again", About("critic", "refine"), error="it failed", attempt=2)
    record.append(first)
    record.append(second)
    with Reader.open(tmp_path / "new" / "run") as reader:
        found = reader.calls()
    assert [(c.id, c.reply, c.error, c.attempt, c.step) for c in found] == [
        (1, "r", None, 1, 3),
        (2, None, "it failed", 2, None),
    ]
    assert found[0] == type(first)(**{**vars(first), "id": 1})
    assert record.calls(step=3) == found[:1] and record.calls(after=1) == found[1:]


def test_sums_of_all_and_of_a_step(record):
    record.append(call())
    record.append(call(error="no", reply=Reply("", "m", 10, 0)))
    record.append(call(about=About("a", "o", 4), reply=Reply("x", "n", 1, 2, seconds=0.5)))
    record.append(call(reply=Reply("r", "m", 0, 0, cost=0.0), reused=1))
    assert record.spending() == Spending(3, 1, 1, 111, 22, 60, 2.0, 0.25)
    assert record.spending(step=3) == Spending(2, 1, 1, 110, 20, 60, 1.5, 0.25)
    assert record.spending(step=4) == Spending(1, 0, 0, 1, 2, 0, 0.5, None)
    assert record.spending(step=5).calls == 0


def test_it_cannot_be_changed(record, tmp_path):
    record.append(call())
    db = sqlite3.connect(tmp_path / "new" / "run" / "calls.sqlite")
    for query in ("UPDATE calls SET cost = 0", "DELETE FROM calls"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            db.execute(query)
    db.close()


def test_texts_that_prompts_share_are_kept_once(record, tmp_path):
    for index in range(50):
        record.append(call(f"{index}" + "x" * 10, key=str(index)))
    with sqlite3.connect(tmp_path / "new" / "run" / "calls.sqlite") as db:
        assert db.execute("SELECT COUNT(*) FROM texts").fetchone()[0] == 50 + 3  # system, schema, reply


def test_every_attempt_is_recorded_with_what_it_took(server, desk_of):
    server.script = [error(500), Say(completion("")), Say(completion("done"))]
    desk = desk_of({"name": "m", "base_url": server.url, "price_in": 1.0, "price_out": 1.0})
    desk.ask(prompt(), ABOUT)
    calls = desk.record.calls(step=3)
    assert [call.attempt for call in calls] == [1, 2, 3]
    assert [bool(call.error) for call in calls] == [True, True, False]
    assert [call.tokens_out for call in calls] == [0, 20, 20]  # an empty reply is paid for
    assert [call.cost for call in calls] == pytest.approx([0, 120e-6, 120e-6])
    assert calls[2].reply == "done" and (calls[2].role, calls[2].operator) == ("writer", "seed")
    assert desk.spent() == desk.record.spending() and desk.spent().calls == len(server.requests) == 3


def test_what_may_have_been_worked_on_in_vain_is_charged_as_sent(server, desk_of):
    server.script = [Say(wait_s=1.0), Say(cut=10)]
    desk = desk_of({"name": "m", "base_url": server.url, "timeout_s": 0.3})
    desk.ask(prompt("x" * 3000), ABOUT)
    late, cut, _ = desk.record.calls()
    assert late.tokens_in == cut.tokens_in > 1000 and late.estimated and cut.estimated


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_file_that_is_no_record(tmp_path, content):
    (tmp_path / "calls.sqlite").write_bytes(content)
    with pytest.raises(UserError, match=r"calls\.sqlite"):
        Reader.open(tmp_path)
    if content:
        with pytest.raises(UserError, match="cannot be written"):
            Record(tmp_path)


def test_no_record_yet_and_one_of_another_version(tmp_path):
    with pytest.raises(UserError, match="no record of calls"):
        Reader.open(tmp_path)
    Record(tmp_path).close()
    with sqlite3.connect(tmp_path / "calls.sqlite") as db:
        db.execute("PRAGMA user_version = 7")
    with pytest.raises(UserError, match="version 7; this program reads version 1"):
        Record(tmp_path)


def test_a_full_disk_is_one_line_and_leaves_the_record_whole(record):
    record.append(call())
    pages = record._db.execute("PRAGMA page_count").fetchone()[0]
    record._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UserError, match="full"):
        record.append(call("x" * 100_000))
    assert len(record.calls()) == 1
    record._db.execute("PRAGMA max_page_count = 100000")
    assert record.append(call("x" * 100_000)) == 2


_WRITER = """
import sys
from pathlib import Path
from operators.authors.llm.models.base import About, Prompt, Reply, Turn
from operators.authors.llm.models.calls import call_of
from operators.authors.llm.models.record import Record
record = Record(Path(sys.argv[1]))
for number in range(100000):
    text = f"{number} " + "x" * 20000
    call = call_of(text, Prompt((Turn("user", text),)), About("w", "seed", 1), Reply(text, "m", 1, 1, cost=1.0))
    print(record.append(call), flush=True)
"""


def test_killed_in_the_middle_of_writing_it_has_all_that_was_promised(tmp_path):
    kept = 0
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        promised = [writer.stdout.readline() for _ in range(20)]
        time.sleep(0.013)
        os.kill(writer.pid, signal.SIGKILL)
        promised += writer.stdout.read().splitlines()
        writer.wait()
        with Record(tmp_path) as record:
            assert record._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            calls = record.calls()
        assert int(promised[-1]) <= len(calls) <= int(promised[-1]) + 1  # one may be written and not yet promised
        assert len(calls) > kept and [call.id for call in calls] == list(range(1, len(calls) + 1))
        assert all(call.turns[0].text == call.reply for call in calls)
        kept = len(calls)


def test_two_processes_may_write(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER.replace("100000", "30"), str(tmp_path)], stdout=subprocess.DEVNULL
        )
        for _ in range(2)
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    with Reader.open(tmp_path) as reader:
        assert reader.spending().calls == 60
