"""Other policies on recorded data."""

import shutil

import pytest
from search_fakes import FakeWorkshop

from egg_search.core.errors import UserError
from egg_search.replay import Recording, compare
from egg_search.replay.simulated import Simulation


@pytest.fixture(scope="module")
def recording(tmp_path_factory, campaign_in):
    """Made once: others get copies."""
    campaign = campaign_in(tmp_path_factory.mktemp("recording"), evaluations=120)
    campaign.run()
    return campaign.directory.path


@pytest.fixture
def path(recording, tmp_path):
    return shutil.copytree(recording, tmp_path / "run")


def test_the_same_policy_does_the_same_without_a_miss(path):
    was, now = compare(path, ["staged"], workshop=FakeWorkshop())
    assert (now.best, now.front, now.misses) == (was.best, was.front, 0)
    assert len(was.best) == was.total == 120 and was.after(1.0) == max(was.best) > was.after(0.05) > 0


@pytest.mark.parametrize(("policy", "seed"), [("staged", 5), ("random", 0), ("random", 1)])
def test_others_take_only_what_was_recorded_and_each_of_it_once(path, policy, seed):
    recording = Recording.open(path, FakeWorkshop())
    settings = type(recording.settings)(**{**vars(recording.settings), "scheduler": policy, "seed": seed})
    simulation, seen = Simulation(recording, settings), []
    judge = simulation.state.judge
    simulation.state.judge = lambda step, job, verdict: seen.append((job.key, verdict)) or judge(step, job, verdict)
    list(simulation.run())
    known = {each.job.key: each.verdict for record in recording.steps.values() for each in record.evaluations}
    assert len({key for key, _ in seen}) == len(seen) > 40
    assert all(known[key] == verdict for key, verdict in seen)


def test_it_repeats(path):
    assert compare(path, ["random"], 3, FakeWorkshop()) == compare(path, ["random"], 3, FakeWorkshop())


def test_drafts_that_were_not_recorded_are_misses(path, tamper):
    tamper(
        path, "UPDATE steps SET planned = 0 WHERE number = (SELECT min(number) FROM steps WHERE operator = 'tiling')"
    )
    curve = compare(path, ["staged"], workshop=FakeWorkshop())[1]
    assert curve.misses >= 1


def test_nothing_to_compare_on(make_campaign):
    with pytest.raises(UserError, match="no verdicts"):
        compare(make_campaign().directory.path, ["staged"], workshop=FakeWorkshop())


def test_no_such_policy(path):
    with pytest.raises(UserError, match="no scheduler 'magic'; there is staged, random"):
        compare(path, ["magic"], workshop=FakeWorkshop())
