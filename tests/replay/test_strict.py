"""The same steps, archive and front again: whole campaigns, killed ones, and some that are still alive."""

import shutil
import time

import pytest
from search_fakes import FakeAuthor, FakeWorkshop
from test_asking import SlowWorkshop

from egg_search.archive import Archive
from egg_search.campaign import Campaign, Observer, load_result
from egg_search.replay import Difference, replay


class Killed(BaseException):
    pass


class At(Observer):
    """Does something at a verdict."""

    def __init__(self, count, act):
        self.left, self.act = count, act

    def on_verdict(self, *_):
        self.left -= 1
        if not self.left:
            self.act()


def kill():
    raise Killed


def test_a_campaign_replays_to_the_same_front(make_campaign):
    campaign = make_campaign(evaluations=80)
    result = campaign.run()
    found = replay(campaign.directory.path, workshop=FakeWorkshop())
    assert found.front == result.front and found.certified
    assert (found.configurations, found.open, found.calls) == (80, 0, 0)


def test_nothing_is_measured_and_nothing_is_written(make_campaign, monkeypatch):
    campaign = make_campaign()
    campaign.run()
    path = campaign.directory.path
    before = {each: each.read_bytes() for each in path.rglob("*") if each.is_file() and each.suffix != ".sqlite-shm"}
    for name in ("judge", "build", "author"):
        monkeypatch.setattr(FakeWorkshop, name, lambda *_: pytest.fail("asked for"))
    replay(path, workshop=FakeWorkshop())
    assert all(path.read_bytes() == data for path, data in before.items())


def test_a_campaign_that_tried_everything_ends_there_again(make_campaign):
    campaign = make_campaign(evaluations=5000, workshop=FakeWorkshop(small=True))
    assert campaign.run().why == "nothing left to try"
    replay(campaign.directory.path, workshop=FakeWorkshop(small=True))


@pytest.mark.parametrize("seed", range(3))
def test_authors_that_are_overtaken(make_campaign, seed):
    campaign = make_campaign(evaluations=70, workshop=SlowWorkshop(), authors=("fake", "slow"), seed=seed)
    result = campaign.run()
    assert replay(campaign.directory.path, workshop=SlowWorkshop()).front == result.front


@pytest.mark.parametrize("authors", [("fake",), ("fake", "slow")])
def test_killed_and_resumed(make_campaign, authors):
    campaign = make_campaign(evaluations=90, workshop=SlowWorkshop(), authors=authors)
    with pytest.raises(Killed):
        campaign.run(At(23, kill))
    path = campaign.directory.path
    found = replay(path, workshop=SlowWorkshop())
    assert found.configurations == 23 and found.open and not found.certified
    with pytest.raises(Killed):
        Campaign.resume(path, workshop=SlowWorkshop()).run(At(20, kill))
    assert replay(path, workshop=SlowWorkshop()).configurations == 43
    result = Campaign.resume(path, workshop=SlowWorkshop()).run()
    found = replay(path, workshop=SlowWorkshop())
    assert found.configurations == 90 and found.front == result.front


def test_one_that_is_alive(make_campaign):
    campaign, seen = make_campaign(), []
    campaign.run(At(20, lambda: seen.append(replay(campaign.directory.path, workshop=FakeWorkshop()))))
    assert seen[0].configurations == 20 and seen[0].front and not seen[0].certified


def test_an_author_that_left(make_campaign):
    options = {"breaks_at": 2}
    campaign = make_campaign(60, workshop=SlowWorkshop(author_options=options), authors=("fake", "slow"))
    campaign.run()
    replay(campaign.directory.path, workshop=SlowWorkshop())


def test_authors_that_compute_run_again_where_that_is_wanted(make_campaign, monkeypatch):
    campaign = make_campaign(evaluations=60)
    campaign.run()
    replay(campaign.directory.path, authors=True, workshop=FakeWorkshop())
    write = FakeAuthor.write
    monkeypatch.setattr(FakeAuthor, "write", lambda self, brief: write(self, brief)[::-1])
    with pytest.raises(Difference, match=r"step 1, draft 1, candidate"):
        replay(campaign.directory.path, authors=True, workshop=FakeWorkshop())
    replay(campaign.directory.path, workshop=FakeWorkshop())


def test_another_archive_is_noticed_at_the_step_where_it_begins(make_campaign, monkeypatch):
    campaign = make_campaign()
    campaign.run()
    keep = Archive._keep
    monkeypatch.setattr(Archive, "_keep", lambda self, standing, elite: keep(standing, elite) or standing.reserve.pop())
    with pytest.raises(Difference, match=r"step \d+, archive: recorded \w+, replayed \w+"):
        replay(campaign.directory.path, workshop=FakeWorkshop())


def test_processes_share_the_tuning(make_campaign, tamper):
    campaign = make_campaign(evaluations=60)
    campaign.run()
    path = campaign.directory.path
    assert replay(path, workshop=FakeWorkshop(), processes=2) == replay(path, workshop=FakeWorkshop(), processes=1)
    tamper(path, "UPDATE steps SET wanted = 2 WHERE number = 12", consistent=True)
    tamper(path, "UPDATE steps SET wanted = 2 WHERE number = 10", consistent=True)
    for processes in (1, 2):  # the earliest, whoever finds it
        with pytest.raises(Difference, match="step 10, configuration"):
            replay(path, workshop=FakeWorkshop(), processes=processes)


def test_it_is_quick(make_campaign):
    """A thousand steps in 20 s is the promise; this is a loose share of it."""
    campaign = make_campaign(evaluations=200)
    campaign.run()
    copy = shutil.copytree(campaign.directory.path, campaign.directory.path.with_name("elsewhere"))
    started = time.process_time()
    found = replay(copy, workshop=FakeWorkshop())
    assert found.steps > 40 and time.process_time() - started < 8
    assert load_result(copy).front == found.front
