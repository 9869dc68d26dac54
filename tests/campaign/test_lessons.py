"""Experience across campaigns: what is left, what is used, and that it is the same after a resume."""

import random
from dataclasses import dataclass, replace

import pytest
from search_fakes import HARDWARE, FakeWorkshop, write
from test_resume import StopAfter, trace

from egg_search.campaign import Campaign, Settings
from egg_search.campaign.lessons import outcomes
from egg_search.campaign.state import State
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.step import Job, Step
from egg_search.core.verdict import Errors, Interval, PrecisionClass, Timing, Verdict
from egg_search.core.verdict import Outcome as Judged
from egg_search.experience import CampaignRecord, Outcome, Situation, Store, store_path
from operators.base import Draft
from principles import Library


@dataclass(frozen=True)
class Following(FakeWorkshop):
    """Its author follows what it is told to."""

    def propose(self, operator, brief, author):
        names = tuple(principle.name for principle in brief.principles)
        return [replace(draft, principles=names) for draft in super().propose(operator, brief, author)]


@pytest.fixture
def principles(tmp_path):
    folder = tmp_path / "mine"
    for group in ("mapping", "tiling", "staging"):
        (folder / group).mkdir(parents=True)
        for number in range(8):
            head = f'title = "x"\nsource = "x"\nkinds = ["nest"]\n[knobs]\ntile_m = [{16 << number % 2}, 64]'
            (folder / group / f"{group}-{number}.md").write_text(f"+++\n{head}\n+++\nx\n")
    return str(folder)


@pytest.fixture
def make(make_campaign, principles):
    def made(name="run", evaluations=60, **more):
        return make_campaign(evaluations, name, Following(), principles=(principles,), **more)

    return made


def told(principle=None):
    return Store(store_path()).read(principle)


def test_a_campaign_leaves_what_its_principles_brought(make):
    make().run()
    found = told()
    (where,) = {each.situation for each in found}
    assert (where.kind, where.hardware, where.kernels, where.dtype) == ("cpu", "imaginary", ("nest",), "float32")
    edited = [each.outcome for each in found if each.outcome.principle.startswith(("mapping-", "tiling-", "staging-"))]
    assert any(each.gains for each in edited), "an edit makes the kernel a tenth faster"
    assert any(not each.gains for each in edited), "the first begins at a poor tile, and its parent is tuned"
    assert all(0 < gain < 2 and len(each.gains) <= each.tried for each in edited for gain in each.gains)


def test_interrupted_and_resumed_it_replaces_its_own_rows(make):
    campaign = make()
    campaign.run(StopAfter(25))
    first = told()
    assert first
    Campaign.resume(campaign.directory.path, workshop=Following()).run()
    names = [each.outcome.principle for each in told()]
    assert len(names) == len(set(names)) >= len(first)
    make("again").run()
    assert len(told()) > len(names)


def test_without_experience_nothing_is_left_and_nothing_is_used(make):
    plain = make("plain")
    plain.run()
    fresh = make("fresh", experience=False)
    fresh.run()
    assert fresh.directory.settings()["priors"] == {}
    assert trace(fresh.directory) == trace(plain.directory)
    assert len({each.outcome.principle for each in told()}) == len(told())


def test_what_won_before_is_tried_earlier(make):
    here = Situation("p", "cpu", HARDWARE.model, ("nest",), "", "float32")
    lost = tuple(Outcome(f"mapping-{number}", 20) for number in range(7))
    Store(store_path()).write(CampaignRecord("c", "x", 1.0, here, (Outcome("mapping-7", 20, (0.5,) * 20), *lost)))

    names = [f"mapping-{number}" for number in range(8)]

    def comes_first(campaign):
        """In how many of 100 draws of three."""
        bandit = campaign._state().scheduler._credit.principles
        return sum("mapping-7" in bandit.rank(names, random.Random(seed))[:3] for seed in range(100))

    assert comes_first(make("with")) > 90
    assert comes_first(make("without", experience=False)) < 60


def test_a_resumed_campaign_expects_what_it_began_with(make):
    make("before").run()
    whole, parts = make("whole"), make("parts")
    assert whole.directory.settings()["priors"] == parts.directory.settings()["priors"] != {}
    parts.run(StopAfter(20))
    whole.run()
    make("meanwhile", evaluations=30, seed=7).run()  # changes what a new campaign would expect
    Campaign.resume(parts.directory.path, workshop=Following()).run()
    assert trace(parts.directory) == trace(whole.directory)
    assert make("after").directory.settings()["priors"] != whole.directory.settings()["priors"]


def verdict(low, value, high, margin=0.02):
    interval = Interval(10 / value, 10 / high, 10 / low)  # milliseconds, where eager takes 10
    timing = Timing(interval, {"eager": 10.0}, {"eager": Interval(value, low, high)}, 20, margin)
    return Verdict(Judged.OK, errors=Errors(1e-7, 1e-7, 0.1, 1e-7, PrecisionClass.FAITHFUL), timing=timing)


@pytest.mark.parametrize(
    ("judged", "tried", "won"),
    [
        (verdict(1.9, 2.0, 2.1), 1, 1),
        (verdict(0.98, 1.0, 1.02), 1, 0),
        (verdict(1.01, 1.05, 1.09, margin=0.3), 1, 0),
        (verdict(0.2, 0.5, 1.1), 1, 0),  # rough, and slower all the same
        (verdict(0.5, 1.5, 4.0), 0, 0),  # nobody can tell
        (Verdict(Judged.WRONG_VALUES, "wrong"), 1, 0),
        (Verdict(Judged.CRASHED, "gone", flags=("infrastructure",)), 0, 0),
    ],
)
def test_what_counts_as_tried_and_won(judged, tried, won):
    workshop, step = FakeWorkshop(), Step(1, "seed", "", 1, "fake", Dialect.CPP)
    state = State(Settings("problem.py"), workshop.hardware, Library(()), workshop.operators())
    candidate = Candidate(write("fused"), Dialect.CPP)
    job = Job(candidate.id, candidate.default_configuration)
    state.begin(step)
    state.plan(step, [Draft(candidate, "s", "x", "seed", "fake", principles=("p",))], [job])
    assert outcomes(state) == ()
    state.judge(step, job, judged)
    (found,) = outcomes(state) or (Outcome("p", 0),)
    assert (found.tried, len(found.gains)) == (tried, won)


def test_a_broken_store_is_a_notice(make):
    store_path().parent.mkdir(exist_ok=True)
    store_path().write_text("not SQLite, but long enough to look at" * 10)
    campaign = make()
    assert any(str(store_path()) in line and "\n" not in line for line in campaign.notices())
    assert campaign.run().evaluations == 60
    assert len(campaign.troubles) == 1


def test_a_store_that_cannot_be_written_is_a_notice_too(make):
    campaign = make()
    store_path().mkdir(parents=True)
    assert campaign.troubles == []
    assert campaign.run().evaluations == 60
    (line,) = campaign.troubles
    assert str(store_path()) in line
