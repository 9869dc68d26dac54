"""What steps cost, and that a campaign which goes on is told the same costs again."""

import random

import pytest
from search_fakes import FakeWorkshop

from egg_search.campaign import Campaign, Observer
from egg_search.campaign.costs import MONEY_OF_TOKENS, SECONDS_OF_MONEY, Costs
from egg_search.core.step import Step
from operators.authors.llm.models.base import About, Prompt, Reply, Turn
from operators.authors.llm.models.calls import call_of
from operators.authors.llm.models.record import Record

TIMINGS = {"author": 40.0, "build": 2.0, "run": 3.0, "engine": 9.0}
STEP = Step(3, "tiling", "", 4, "llm")


def called(directory, step, **reply):
    with Record(directory) as record:
        prompt, answer = Prompt((Turn("user", "hello"),)), Reply("text", "large", 1000, 500, **reply)
        record.append(call_of("key", prompt, About("coder", "tiling", step), answer))


def test_building_and_running_cost_and_waiting_does_not(tmp_path):
    assert Costs(tmp_path).of(STEP, TIMINGS) == 5.0
    assert Costs(tmp_path).of(STEP, {}) == 0.0


def test_money_of_the_steps_own_calls_counts(tmp_path):
    called(tmp_path, 3, cost=0.02)
    called(tmp_path, 3, cost=0.01)
    called(tmp_path, 4, cost=7.0)
    assert Costs(tmp_path).of(STEP, TIMINGS) == pytest.approx(5.0 + 0.03 * SECONDS_OF_MONEY)
    assert Costs(tmp_path).of(Step(3, "tune", "", 4), TIMINGS) == 5.0


def test_tokens_count_where_nobody_named_a_price(tmp_path):
    called(tmp_path, 3)
    assert Costs(tmp_path).of(STEP, TIMINGS) == pytest.approx(5.0 + 1500 * MONEY_OF_TOKENS * SECONDS_OF_MONEY)


def test_a_broken_record_of_calls_stops_nothing(tmp_path):
    (tmp_path / "calls.sqlite").write_text("not SQLite, but long enough to look at" * 10)
    assert Costs(tmp_path).of(STEP, TIMINGS) == 5.0


class Killed(BaseException):
    pass


class Kill(Observer):
    left = 35

    def on_verdict(self, *_):
        self.left -= 1
        if not self.left:
            raise Killed


def test_a_killed_campaign_is_told_the_costs_of_its_journal(make_campaign, monkeypatch):
    """Costs as no clock would tell them twice: the scheduler still knows what it knew."""
    rng, states = random.Random(), []
    monkeypatch.setattr(Costs, "of", lambda *_: rng.uniform(0.1, 100.0))
    make_state = Campaign._state
    monkeypatch.setattr(Campaign, "_state", lambda self: states.append(make_state(self)) or states[-1])
    campaign = make_campaign(evaluations=70)
    with pytest.raises(Killed):
        campaign.run(Kill())
    resumed = Campaign.resume(campaign.directory.path, workshop=FakeWorkshop())
    resumed.run()
    (before, live), again = states, make_state(resumed)
    with campaign.directory.read() as journal:
        again.replay(journal.steps(), journal.events())
        costs = [record.cost for record in journal.steps() if record.elapsed is not None]
    assert len(set(costs)) == len(costs) > before.steps > 0
    assert again.scheduler.report() == live.scheduler.report()
    numbers = range(live.begun + 1, live.begun + 6)
    assert [again.scheduler.next(n) for n in numbers] == [live.scheduler.next(n) for n in numbers]
