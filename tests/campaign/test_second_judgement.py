"""The second judgement decides what is reported; and times to beat are on the scale of the session that measures."""

import os
import signal
from dataclasses import dataclass, replace

import pytest
from search_fakes import EAGER_MS, STRUCTURES, FakeJudge, FakeWorkshop, structure_of

from egg_search.campaign import Campaign, Observer
from egg_search.core.verdict import Outcome, Verdict
from evaluator.settings import Effort


class Strict(FakeJudge):
    """After `renew` everything is wrong."""

    renewed = False

    def renew(self, ahead=()):
        self.renewed = True

    def judge(self, *task):
        return Verdict(Outcome.WRONG_VALUES, "wrong on fresh inputs") if self.renewed else super().judge(*task)


class Picky(FakeJudge):
    """After `renew` the first few that are judged are wrong, whoever they are."""

    renewed, refused = False, 0

    def renew(self, ahead=()):
        self.renewed = True

    def judge(self, *task):
        if self.renewed and self.refused < 4:
            self.refused += 1
            return Verdict(Outcome.WRONG_VALUES, "wrong on fresh inputs")
        return super().judge(*task)


class Ahead(FakeJudge):
    """Remembers what it may build ahead, and what it judges after `renew`."""

    ahead: list[str] = []  # noqa: RUF012 (shared with the test)
    judged: list[str] = []  # noqa: RUF012 (likewise)

    def renew(self, ahead=()):
        self.ahead[:], self.judged[:] = ahead, []

    def judge(self, candidate, configuration, effort, best_ms=None):
        self.judged.append(candidate.bound(configuration))
        return super().judge(candidate, configuration, effort, best_ms)


class Slow(FakeJudge):
    """A machine that became ten times slower. Remembers the times to beat."""

    beaten: list[float | None] = []  # noqa: RUF012 (shared with the test)

    def baselines(self):
        return {"eager": 10 * EAGER_MS, "compile": 80.0}

    def judge(self, candidate, configuration, effort, best_ms=None):
        self.beaten.append(best_ms) if effort is Effort.SCREEN else None
        return super().judge(candidate, configuration, effort, best_ms)


@dataclass(frozen=True)
class JudgedBy(FakeWorkshop):
    kind: type[FakeJudge] = FakeJudge

    def judge(self):
        return self.kind(self.pause, self.log_path, self.dies_on)


class Stop(Observer):
    """Ctrl-C at the first event of a kind."""

    def __init__(self, event):
        setattr(self, event, lambda *_: os.kill(os.getpid(), signal.SIGINT))


def test_what_fails_the_second_time_is_not_reported(make_campaign):
    result = make_campaign(evaluations=20, workshop=JudgedBy(kind=Strict)).run()
    assert result.certified
    assert result.front == ()


def test_what_is_judged_again_is_built_ahead(make_campaign):
    make_campaign(evaluations=20, workshop=JudgedBy(kind=Ahead)).run()
    assert Ahead.judged and Ahead.ahead == Ahead.judged


def test_where_the_first_contenders_fail_others_get_their_turn(make_campaign):
    result = make_campaign(evaluations=30, workshop=JudgedBy(kind=Picky)).run()
    assert result.certified
    assert result.front


def test_an_old_second_judgement_does_not_hide_what_was_found_since(make_campaign):
    campaign = make_campaign(evaluations=4)
    before = campaign.run()
    more = Campaign.resume(campaign.directory.path, max_evaluations=90, workshop=FakeWorkshop())
    seen = iter(range(90))
    observer = Observer()
    observer.on_verdict = lambda *_: os.kill(os.getpid(), signal.SIGINT) if next(seen) == 70 else None
    after = more.run(observer)
    assert before.certified and not after.certified
    assert after.front[0].ms < before.front[0].ms


def test_an_interrupt_stops_the_second_judgement_too(make_campaign):
    campaign = make_campaign(evaluations=20)
    result = campaign.run(Stop("on_certified"))
    assert (result.why, result.certified) == ("interrupted", False)
    assert Campaign.resume(campaign.directory.path, workshop=FakeWorkshop()).run().certified


def test_the_time_to_beat_is_on_the_scale_of_this_session(make_campaign):
    campaign = make_campaign(evaluations=20)
    best = campaign.run(Stop("on_step_done")).front[0]
    Slow.beaten.clear()
    Campaign.resume(campaign.directory.path, max_evaluations=8, workshop=JudgedBy(kind=Slow)).run()
    assert Slow.beaten[0] == pytest.approx(10 * best.ms)


def test_a_session_begins_with_the_best_of_earlier_ones(make_campaign):
    campaign = make_campaign(evaluations=20)
    campaign.run(Stop("on_step_done"))
    bests = []
    observer = Observer()
    observer.on_best = bests.append
    observer.on_step = lambda *_: bests.append(None)
    Campaign.resume(campaign.directory.path, workshop=FakeWorkshop()).run(observer)
    assert bests[0] is not None


class Losing(FakeJudge):
    """Says of everything but the fastest structure that it lost; remembers the efforts by structure."""

    efforts: list[tuple[str, str]] = []  # noqa: RUF012 (shared with the test)

    def judge(self, candidate, configuration, effort, best_ms=None):
        verdict = super().judge(candidate, configuration, effort, best_ms)
        self.efforts.append((structure_of(candidate), effort))
        if verdict.ok and structure_of(candidate) != "fused":
            verdict = replace(verdict, timing=replace(verdict.timing, stopped_early=True))
        return verdict


def test_a_structure_that_has_only_lost_is_checked_again_when_it_is_tuned(make_campaign):
    Losing.efforts.clear()
    make_campaign(evaluations=60, workshop=JudgedBy(kind=Losing)).run()
    seen = {name: [e for each, e in Losing.efforts if each == name and e != Effort.FULL] for name in STRUCTURES}
    assert seen["fused"].count(Effort.CHECK) == 1 and Effort.SCREEN in seen["fused"]
    others = [effort for name, efforts in seen.items() if name != "fused" for effort in efforts]
    assert others and set(others) == {Effort.CHECK}
