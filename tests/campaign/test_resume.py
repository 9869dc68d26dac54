"""Stopping, killing and going on."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from search_fakes import HARDWARE, PROBLEM, FakeWorkshop

from egg_search.campaign import Campaign, Observer, Settings, load_result
from egg_search.core.errors import UserError
from egg_search.rundir import DiskFull, RunDirectory


def trace(directory):
    """Everything that was decided and found, without times."""
    with directory.read() as reader:
        return [
            (
                record.step,
                [getattr(draft, "reason", None) or draft.candidate.id for draft in record.drafts],
                [(evaluation.job, evaluation.verdict) for evaluation in record.evaluations],
            )
            for record in reader.steps()
        ]


class StopAfter(Observer):
    """Ctrl-C after so many verdicts."""

    def __init__(self, count):
        self._left = count

    def on_verdict(self, *_):
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("stops", [(1,), (2, 5, 11), (17, 18)])
def test_an_interrupted_campaign_goes_on_as_if_it_had_not_been(make_campaign, stops):
    whole = make_campaign(evaluations=60, name="whole")
    whole.run()
    parts = make_campaign(evaluations=60, name="parts")
    assert parts.run(StopAfter(stops[0])).why == "interrupted"
    for stop in stops[1:]:
        assert Campaign.resume(parts.directory.path, workshop=FakeWorkshop()).run(StopAfter(stop)).why == "interrupted"
    result = Campaign.resume(parts.directory.path, workshop=FakeWorkshop()).run()
    assert result.evaluations == 60
    assert trace(parts.directory) == trace(whole.directory)


def test_more_budget_goes_on_where_less_ended(make_campaign):
    whole = make_campaign(evaluations=70, name="whole")
    whole.run()
    parts = make_campaign(evaluations=33, name="parts")
    parts.run()
    Campaign.resume(parts.directory.path, max_evaluations=70, workshop=FakeWorkshop()).run()
    assert trace(parts.directory) == trace(whole.directory)


def test_interrupted_results_are_not_certified(make_campaign):
    result = make_campaign().run(StopAfter(10))
    assert result.front
    assert not result.certified


DRIVER = """
import sys
from pathlib import Path
from search_fakes import FakeWorkshop
from egg_search.campaign import Campaign

path, log = Path(sys.argv[1]), Path(sys.argv[2])
Campaign.resume(path, workshop=FakeWorkshop(pause=0.004, log_path=log)).run()
"""


def test_a_killed_driver_loses_nothing_that_was_acknowledged(make_campaign, tmp_path):
    whole = make_campaign(evaluations=90, name="whole")
    whole.run()
    campaign = make_campaign(evaluations=90)
    path, log = campaign.directory.path, tmp_path / "log"
    seen = 0
    for kills, delay in enumerate((0.25, 0.1, 0.4)):
        driver = _start(path, log)
        _wait_for(lambda before=seen: _evaluated(path) > before + 3)
        time.sleep(delay / 4)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        assert _evaluated(path) > seen, f"no progress before kill {kills}"
        seen = _evaluated(path)
    Campaign.resume(path, workshop=FakeWorkshop(log_path=log)).run()
    assert trace(campaign.directory) == trace(whole.directory)
    # At most the one measurement in flight at each kill was done over.
    screened = [line for line in log.read_text().splitlines()]
    contenders = 3
    assert len(screened) <= 90 + 3 + contenders


def _start(path, log):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen([sys.executable, "-c", DRIVER, str(path), str(log)], env=environment)


def _evaluated(path):
    with RunDirectory(path).read() as reader:
        return reader.evaluated()


def _wait_for(condition, timeout=30):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_second_driver_is_refused(make_campaign, tmp_path):
    campaign = make_campaign()
    driver = None
    try:
        campaign_lock = campaign.directory.lock()
        with pytest.raises(UserError, match=rf"in use by a live driver \(pid {os.getpid()}\)"):
            Campaign.resume(campaign.directory.path, workshop=FakeWorkshop()).run()
        campaign_lock.release()
        driver = _start(campaign.directory.path, tmp_path / "log")
        _wait_for(lambda: campaign.directory.driver() == driver.pid)
        with pytest.raises(UserError, match=f"pid {driver.pid}"):
            Campaign.resume(campaign.directory.path, workshop=FakeWorkshop()).run()
    finally:
        if driver:
            driver.kill()
            driver.wait()
    Campaign.resume(campaign.directory.path, workshop=FakeWorkshop()).run()


def test_other_hardware_is_refused(make_campaign):
    path = make_campaign().directory.path
    other = replace(HARDWARE, cores=64)
    with pytest.raises(UserError, match=r"begun on imaginary with 2 cores.*this is imaginary with 64 cores"):
        Campaign.resume(path, workshop=FakeWorkshop(hardware=other))


def test_changed_problems_are_refused(make_campaign, problem_file):
    path = make_campaign().directory.path
    problem_file.write_text(PROBLEM.replace("8", "9"))
    with pytest.raises(UserError, match=r"identity\.py: changed since"):
        Campaign.resume(path, workshop=FakeWorkshop())
    problem_file.unlink()  # moved away: the copy counts
    Campaign.resume(path, workshop=FakeWorkshop())
    (path / "problem.py").write_text(PROBLEM.replace("8", "9"))
    with pytest.raises(UserError, match=r"problem\.py: changed since"):
        Campaign.resume(path, workshop=FakeWorkshop())


def test_a_full_disk_stops_cleanly(make_campaign, monkeypatch):
    whole = make_campaign(evaluations=60, name="whole")
    whole.run()
    campaign = make_campaign(evaluations=60)
    write = RunDirectory.write

    def small(self):
        journal = write(self)
        journal._db.execute("PRAGMA max_page_count = 20")
        return journal

    monkeypatch.setattr(RunDirectory, "write", small)
    with pytest.raises(DiskFull, match="the disk is full; free some space, then: egg resume"):
        campaign.run()
    monkeypatch.undo()
    seen = load_result(campaign.directory.path).evaluations
    assert 0 < seen < 60
    Campaign.resume(campaign.directory.path, workshop=FakeWorkshop()).run()
    assert trace(campaign.directory) == trace(whole.directory)


def test_runs_outside_the_main_thread(make_campaign):
    results = []
    thread = threading.Thread(target=lambda: results.append(make_campaign(evaluations=5).run()))
    thread.start()
    thread.join()
    assert results[0].evaluations == 5


def test_a_problem_named_relatively_is_found_again_from_elsewhere(problem_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(problem_file.name, max_evaluations=5, authors=("fake",), ray_address="none")
    path = Campaign.create(settings, tmp_path / "run", FakeWorkshop()).directory.path
    problem_file.write_text(PROBLEM.replace("size = 8", "size = 9"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="changed since"):
        Campaign.resume(path, workshop=FakeWorkshop())
