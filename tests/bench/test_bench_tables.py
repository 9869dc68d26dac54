import json
from dataclasses import replace

import pytest
from fabricated_run import fabricate

from egg_search.bench.aggregates import aggregate, geomean
from egg_search.bench.report import write_report
from egg_search.bench.scores import score
from egg_search.bench.suite import Suite
from egg_search.campaign import Settings
from egg_search.core.errors import UserError
from egg_search.core.verdict import PrecisionClass
from egg_search.reports.summary import summarize


@pytest.fixture
def suite(tmp_path):
    """Three problems: two finished, one not begun."""
    names = ("first", "second", "third")
    for name, speed in zip(names[:2], (1.0, 4.0), strict=True):
        (tmp_path / "runs").mkdir(exist_ok=True)
        fabricate(tmp_path / "runs" / name, name=name, speed=speed)
    settings = Settings("", budget_s=60.0, precision=PrecisionClass.HALF)
    return Suite(tmp_path / "runs", {name: tmp_path / f"{name}.py" for name in names}, settings)


def test_aggregates_by_precision_class(suite):
    scores = [score(summarize(path)) for path in suite.done()]
    faithful = aggregate(scores, PrecisionClass.FAITHFUL)
    assert faithful.problems == 2
    assert faithful.geomean_vs_eager == pytest.approx(10.0)  # of 5 and 20
    assert faithful.median_vs_compile == pytest.approx(10.0)  # of 4 and 16
    assert faithful.worst_vs_better == pytest.approx(4.0)
    assert aggregate(scores, PrecisionClass.HALF).geomean_vs_eager == pytest.approx(20.0)
    assert aggregate([], PrecisionClass.HALF) is None


def test_geomean_leaves_out_what_was_not_measured():
    assert geomean([2.0, float("nan"), 8.0]) == pytest.approx(4.0)


def test_report_is_markdown_and_json(suite, tmp_path):
    suite.failures["third"] = "get_inputs fails"
    markdown, record = write_report(suite, tmp_path, "egg bench first second third")
    text = markdown.read_text()
    assert "| faithful | 2 | 10.00x | 12.50x | 8.00x | 10.00x | 4.00x | 0 |" in text
    assert "`egg bench first second third`" in text
    assert "third: get_inputs fails" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    first, second = tables[: tables.index(next(t for t in tables if "structure" in t))], tables[len(tables) // 2 :]
    assert {line.count("|") for line in first} == {9}
    assert {line.count("|") for line in second} == {14}
    numbers = json.loads(record.read_text())
    assert [each["problem"] for each in numbers["problems"]] == ["first", "second"]
    assert numbers["problems"][0]["configurations_per_second"] == pytest.approx(4 / 60)


def test_finished_problems_are_skipped_and_a_failing_one_does_not_stop_the_rest(suite, monkeypatch):
    begun = []

    def create(settings, path, workshop=None):
        begun.append(path.name)
        raise UserError(f"{settings.problem}: no such file")

    monkeypatch.setattr("egg_search.bench.suite.Campaign.create", create)
    suite.problems = {**suite.problems, "fourth": suite.runs / "fourth.py"}
    assert suite.run(watch=None)
    assert begun == ["third", "fourth"]
    assert set(suite.failures) == {"third", "fourth"}


def test_a_larger_budget_goes_on(suite, monkeypatch):
    resumed = []

    def resume(path, budget_s=None, max_evaluations=None, workshop=None):
        resumed.append((path.name, budget_s))
        raise UserError("stop here")

    monkeypatch.setattr("egg_search.bench.suite.Campaign.resume", resume)
    suite.problems = {"first": suite.problems["first"]}
    suite.settings = replace(suite.settings, budget_s=120.0)
    suite.run(watch=None)
    # Certified because the time was up, at a smaller budget than now asked for.
    assert resumed == [("first", 120.0)]


def test_a_search_with_other_settings_is_not_taken_for_this_one(suite):
    suite.problems = {"first": suite.problems["first"]}
    suite.settings = replace(suite.settings, budget_s=120.0, seed=7)
    suite.run(watch=None)
    assert "was begun with seed" in suite.failures["first"]
