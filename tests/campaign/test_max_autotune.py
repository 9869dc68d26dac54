"""torch.compile's max-autotune is a baseline where it was asked for, also after a resume."""

from __future__ import annotations

from pathlib import Path

from search_fakes import FakeWorkshop
from typer.testing import CliRunner

from egg_search.campaign import Campaign, Settings
from egg_search.campaign.campaign import _workshop
from egg_search.cli import search
from egg_search.cli.app import app
from egg_search.core.hardware import detect_cpu
from egg_search.core.problem import Problem


def test_a_resumed_campaign_keeps_it(make_campaign):
    campaign = make_campaign(max_autotune=True)
    campaign.run()
    resumed = Campaign.resume(campaign.directory.path, max_evaluations=60, workshop=FakeWorkshop())
    assert resumed.settings.max_autotune


def test_runs_of_earlier_versions_had_none():
    data = Settings("p.py").to_json()
    del data["max_autotune"]
    assert not Settings.from_json(data).max_autotune


def test_the_evaluator_is_asked_for_it(problem_file, tmp_path):
    for asked in (True, False):
        settings = Settings(str(problem_file), max_autotune=asked)
        made = _workshop(settings, Problem.from_file(Path(problem_file)), tmp_path, detect_cpu())
        assert made.evaluator.max_autotune is asked


def test_egg_run_asks_for_it(problem_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = []
    monkeypatch.setattr(Campaign, "create", lambda settings, directory: made.append(settings))
    monkeypatch.setattr(search, "search", lambda make: make() or 0)
    for options in (["--max-autotune"], []):
        CliRunner().invoke(app, ["run", str(problem_file), "--device", "cpu", *options], catch_exceptions=False)
    assert [settings.max_autotune for settings in made] == [True, False]
