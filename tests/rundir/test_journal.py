"""The journal: what goes in comes out, durable and once."""

import sqlite3

import pytest

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.errors import UserError
from egg_search.core.knobs import Lever
from egg_search.core.step import TUNE, Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Errors, Interval, Outcome, PrecisionClass, Timing, Verdict
from egg_search.rundir import RunDirectory, RunDirectoryError
from operators.base import Draft, Refusal

CANDIDATE = Candidate("T = 1  # knob tiling: 1 | 2\nclass ModelNew:\n    pass\n", Dialect.CPP)
SEED = Step(1, "seed", "first", 8, "fake", Dialect.CPP, principles=("fuse",), preference={"large": 1.25})
TUNING = Step(2, TUNE, "tiling", 4, parent=CANDIDATE.id, dialect=Dialect.CPP, lever=Lever.TILING)
DRAFT = Draft(CANDIDATE, "sig", "wrote it", "seed", "fake", principles=("fuse",), model="large")
REFUSAL = Refusal("wrote it again", "the same", "seed", "fake", None, CANDIDATE.source, "small")
OK = Verdict(
    Outcome.OK,
    flags=("odd",),
    errors=Errors(1e-7, 2e-7, 0.5, 1e-7, PrecisionClass.FAITHFUL),
    timing=Timing(Interval(2.0, 1.9, 2.1), {"eager": 4.0}, {"eager": Interval(2.0, 1.9, 2.1)}, 20, 0.02),
    resources={"registers": 4},
)
SURVEY = Survey({"eager": 4.0}, {"compile": "no"}, ("output 0 is zero everywhere",))
FAILED = Verdict(Outcome.BUILD_FAILED, "no")


@pytest.fixture
def directory(tmp_path):
    return RunDirectory.create(tmp_path / "run", {"seed": 1}, "problem", {"id": "x"})


def test_steps_come_back_as_they_went_in(directory):
    journal = directory.write()
    journal.open_session(SURVEY)
    journal.begin(SEED)
    journal.plan(SEED, [DRAFT, REFUSAL], [Job(CANDIDATE.id, {"T": 1}, "full")])
    journal.record(1, 0, OK)
    journal.finish(1, 2.5, {"engine": 0.5}, 1.5)
    journal.begin(TUNING)
    journal.plan(TUNING, [], [Job(CANDIDATE.id, {"T": 2}), Job(CANDIDATE.id, {"T": 1})])
    journal.record(2, 1, FAILED)
    journal.close()
    with directory.read() as reader:
        first, second = reader.steps()
        assert (first.step, second.step) == (SEED, TUNING)
        assert first.drafts == (DRAFT, REFUSAL)
        assert first.evaluations[0].verdict == OK
        assert (first.elapsed, first.timings, first.cost) == (2.5, {"engine": 0.5}, 1.5)
        assert second.elapsed is None
        assert [evaluation.verdict for evaluation in second.evaluations] == [None, FAILED]
        assert reader.evaluated() == 2
        assert reader.candidate(CANDIDATE.id) == CANDIDATE
        assert reader.draft(CANDIDATE.id) == DRAFT
        assert reader.elapsed() == 2.5
        assert reader.timings() == {"engine": 0.5}
    assert (directory.path / "candidates" / f"{CANDIDATE.id}.py").read_text() == CANDIDATE.source


def test_a_verdict_is_given_once(directory):
    journal = directory.write()
    journal.begin(SEED)
    journal.plan(SEED, [DRAFT], [Job(CANDIDATE.id, {"T": 1})])
    journal.record(1, 0, OK)
    for position in (0, 1):
        with pytest.raises(ValueError, match="not waiting"):
            journal.record(1, position, FAILED)
    assert next(journal.evaluations()).verdict == OK


def test_a_step_is_planned_whole_or_not_at_all(directory):
    journal = directory.write()
    journal.begin(SEED)
    with pytest.raises(sqlite3.IntegrityError):
        journal.plan(SEED, [DRAFT, DRAFT], [Job(CANDIDATE.id, {"T": 1})])
    (record,) = journal.steps()
    assert not record.planned
    assert record.drafts == record.evaluations == ()


def test_readers_see_what_a_live_writer_committed(directory):
    journal = directory.write()
    with directory.read() as reader:
        journal.begin(SEED)
        assert [record.step for record in reader.steps()] == [SEED]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._db.execute("DELETE FROM steps")


def test_durability_is_on(directory):
    journal = directory.write()
    assert journal._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert journal._db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_sessions(directory):
    journal = directory.write()
    journal.open_session(SURVEY)
    journal.close_session("time is up", 60.0)
    journal.open_session(Survey())
    first, second = journal.sessions()
    assert (first.why, first.survey) == ("time is up", SURVEY)
    assert second.ended is None
    assert journal.elapsed() == 60.0


def test_certified_results_are_replaced(directory):
    journal = directory.write()
    journal.open_session(Survey())
    journal.begin(SEED)
    journal.plan(SEED, [DRAFT], [])
    for value in (1, 2):
        journal.certify([(Job(CANDIDATE.id, {"T": value}, "full"), OK)])
    assert journal.certified() == [(Job(CANDIDATE.id, {"T": 2}, "full"), OK)]


def test_what_is_no_run_directory(tmp_path, directory):
    with pytest.raises(UserError, match="not a run directory"):
        RunDirectory(tmp_path)
    with pytest.raises(RunDirectoryError, match="exists; resume it with"):
        RunDirectory.create(directory.path, {}, "", {})
    (directory.path / "journal.sqlite").write_text("not SQLite, but long enough to look at" * 10)
    with pytest.raises(RunDirectoryError, match="not a journal"):
        directory.read()


def test_journals_of_other_versions_are_refused(directory):
    db = sqlite3.connect(directory.path / "journal.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(RunDirectoryError, match="version 99"):
        directory.write()


def test_creation_leaves_nothing_half_made(tmp_path):
    with pytest.raises(TypeError):
        RunDirectory.create(tmp_path / "run", {"not": object()}, "", {})
    assert list(tmp_path.iterdir()) == []
