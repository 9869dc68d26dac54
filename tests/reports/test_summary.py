from math import isnan

import pytest
from fabricated_run import fabricate, ok

from egg_search.archive import Admission
from egg_search.core.verdict import Interval, PrecisionClass
from egg_search.reports.summary import speedup, summarize
from egg_search.reports.tally import Tally
from egg_search.reports.text import ratio
from egg_search.rundir import RunDirectory, RunDirectoryError


def test_summary_tells_structure_and_principles_of_the_whole_line(tmp_path):
    summary = summarize(fabricate(tmp_path / "run"))
    assert [str(point.elite.precision) for point in summary.front] == ["half", "faithful"]
    faithful = summary.best_of(PrecisionClass.FAITHFUL)
    assert faithful.structure == "one pass over rows"  # the seed brought it; tiling did not change it
    assert faithful.principles == ("fuse-chains", "tile-for-l1")
    assert faithful.speedup("eager") == pytest.approx(5.0)
    assert faithful.speedup("compile") == pytest.approx(4.0)
    assert "K0_TILE = 4" in faithful.source
    assert summary.result.certified


def test_a_killed_run_shows_what_screening_saw(tmp_path):
    summary = summarize(fabricate(tmp_path / "run", certified=False))
    assert not summary.result.certified
    assert [point.ms for point in summary.front] == [1.0, 2.0]


def test_best_of_a_class_is_never_less_exact(tmp_path):
    summary = summarize(fabricate(tmp_path / "run"))
    assert summary.best_of(PrecisionClass.TF32).ms == 2.0
    assert summary.best_of(PrecisionClass.HALF).ms == 1.0


def test_speedup_over_a_baseline_of_the_session_goes_through_eager():
    verdict = ok(2.0)
    del verdict.timing.speedups["compile"]
    # In the session eager took twice as long as beside the candidate: the machine was slow, for both baselines alike.
    assert speedup(verdict, "compile", {"eager": 20.0, "compile": 16.0}) == pytest.approx(4.0)
    assert isnan(speedup(verdict, "compile", {"eager": 20.0}))


def test_a_speedup_from_a_busy_machine_is_marked(tmp_path):
    point = summarize(fabricate(tmp_path / "run")).best
    assert not point.is_rough("eager")
    point.verdict.timing.speedups["eager"] = Interval(10.0, 3.0, 40.0)
    assert point.is_rough("eager")
    assert ratio(10.0, rough=True) == "~10.00x"


def test_tally_credits_operators_and_principles(tmp_path):
    run = RunDirectory(fabricate(tmp_path / "run"))
    with run.read() as reader:
        tally = Tally.of(reader, Admission(PrecisionClass.HALF))
    assert tally.steps == 3
    assert {str(outcome): n for outcome, n in tally.outcomes.items()} == {"ok": 3, "wrong values": 1}
    assert tally.refusals == {"it breaks a constraint": 1}
    arm = tally.operators["tiling by expert"]
    assert (arm.configurations, arm.added) == (2, 1)
    assert arm.factor == pytest.approx(2.0)
    assert tally.principles["tile-for-l1"].factor == pytest.approx(2.0)
    assert len(tally.archive) == 2


def test_not_a_run_directory(tmp_path):
    with pytest.raises(RunDirectoryError, match="not a run directory"):
        summarize(tmp_path)
