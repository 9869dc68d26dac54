"""Authors that take their time: asked ahead, overtaken by others, lost, spent; and the same again from the journal."""

import threading
import time
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from search_fakes import FakeAuthor, FakeWorkshop
from test_resume import trace

from egg_search.campaign import Campaign, Observer
from egg_search.core.errors import UserError
from egg_search.rundir import BEGUN, PLANNED
from operators.base import AuthorError, Refusal


class SlowAuthor(FakeAuthor):
    """Writes what the fake author does, after a while. `calls` counts those at work, and the most at a time."""

    name = "slow"
    lock, now, most, total = threading.Lock(), 0, 0, 0

    def __init__(self, seconds=0.1, breaks_at=None, spent=False):
        super().__init__()
        self.seconds, self.breaks_at, self.spent = seconds, breaks_at, spent

    def write(self, brief):
        cls = SlowAuthor
        with self.lock:
            cls.now, cls.total = cls.now + 1, cls.total + 1
            cls.most, number = max(cls.most, cls.now), cls.total
        time.sleep(self.seconds)
        with self.lock:
            cls.now -= 1
        if self.breaks_at is not None and number >= self.breaks_at:
            raise AuthorError("the server is gone", self.spent)
        return super().write(brief)


@dataclass(frozen=True)
class SlowWorkshop(FakeWorkshop):
    author_options: dict = field(default_factory=dict)
    pause: float = 0.002
    aside: ClassVar[dict[str, int]] = {"slow": 4}

    def author(self, name):
        return SlowAuthor(**self.author_options) if name == "slow" else super().author(name)


class Notes(Observer):
    def __init__(self):
        self.refusals, self.steps = [], []

    def on_step(self, step):
        self.steps.append(step)

    def on_drafts(self, step, drafts):
        self.refusals += [draft for draft in drafts if isinstance(draft, Refusal)]


@pytest.fixture(autouse=True)
def counted():
    SlowAuthor.now = SlowAuthor.most = SlowAuthor.total = 0


@pytest.fixture
def make(make_campaign):
    def made(authors, evaluations=60, name="run", **options):
        workshop = SlowWorkshop(author_options=options)
        return make_campaign(evaluations=evaluations, name=name, workshop=workshop, authors=authors)

    return made


def kinds(directory):
    with directory.read() as journal:
        return [(event.kind, event.step) for event in journal.events()]


def test_others_are_judged_while_several_steps_of_a_slow_author_are_open(make):
    campaign = make(("fake", "slow"), evaluations=80)
    assert campaign.run().evaluations == 80
    assert 1 < SlowAuthor.most <= 4
    events = kinds(campaign.directory)
    begun = [step for kind, step in events if kind == BEGUN]
    planned = [step for kind, step in events if kind == PLANNED]
    assert begun == sorted(begun) and planned != sorted(planned), "somebody was overtaken"


def test_alone_it_is_waited_for_while_there_is_nothing_else(make):
    campaign = make(("slow",), evaluations=30)
    result = campaign.run()
    assert result.evaluations == 30 and SlowAuthor.total >= 1


def test_a_killed_campaign_is_told_events_in_their_order_and_asks_again(make):
    campaign = make(("fake", "slow"), evaluations=90)

    class Killed(BaseException):
        pass

    class Kill(Observer):
        left = 40

        def on_verdict(self, *_):
            self.left -= 1
            if not self.left:
                raise Killed

    with pytest.raises(Killed):
        campaign.run(Kill())
    before = kinds(campaign.directory)
    again = Campaign.resume(campaign.directory.path, workshop=SlowWorkshop())
    assert again.run().evaluations == 90
    after = kinds(campaign.directory)
    assert after[: len(before)] == before
    unplanned = {step for kind, step in before if kind == BEGUN} - {step for kind, step in before if kind == PLANNED}
    assert unplanned <= {step for kind, step in after if kind == PLANNED}
    state, replayed = again._state(), trace(campaign.directory)
    with campaign.directory.read() as journal:
        state.replay(journal.steps(), journal.events())
    assert state.evaluations == 90 and replayed


def test_a_dead_author_beside_others_is_left_out_and_the_journal_says_so(make):
    notes = Notes()
    campaign = make(("fake", "slow"), evaluations=60, breaks_at=2)
    assert campaign.run(notes).evaluations == 60
    assert any("the server is gone; not asked any more" in each.reason for each in notes.refusals)
    assert SlowAuthor.total <= 2 + 4


def test_a_dead_author_alone_pauses_the_campaign(make):
    campaign = make(("slow",), evaluations=60, breaks_at=3)
    with pytest.raises(UserError, match="author slow: the server is gone"):
        campaign.run()
    SlowAuthor.total = 0
    assert Campaign.resume(campaign.directory.path, workshop=SlowWorkshop()).run().evaluations == 60


def test_a_spent_author_alone_leaves_tuning(make):
    campaign = make(("slow",), evaluations=25, breaks_at=2, spent=True)
    assert campaign.run().evaluations == 25
