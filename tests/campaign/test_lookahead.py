"""Steps planned ahead of their turn, as beside a GPU: the same is decided however often a driver was stopped."""

from dataclasses import replace
from itertools import pairwise

import pytest
from search_fakes import HARDWARE, FakeWorkshop
from test_resume import StopAfter, trace

from egg_search.campaign import Campaign, Observer
from egg_search.cluster import LocalCluster
from egg_search.core.candidate import Dialect
from egg_search.replay import replay
from egg_search.rundir import JUDGED

GPU = replace(HARDWARE, kind="cuda", model="imaginary GPU", cores=100, capability=90)
WORKSHOP = FakeWorkshop(hardware=GPU)
SETTINGS = {"workshop": WORKSHOP, "dialects": (Dialect.TRITON,)}


class Diary(Observer):
    """What happened, in order: steps planned, and steps with a verdict."""

    def __init__(self):
        self.lines = []

    def on_drafts(self, step, drafts):
        self.lines.append(("planned", step.number))

    def on_verdict(self, step, *_):
        self.lines.append(("judged", step.number))


@pytest.fixture
def make_ahead(make_campaign):
    def make(evaluations, name):
        return make_campaign(evaluations=evaluations, name=name, **SETTINGS)

    return make


def resumed(campaign):
    return Campaign.resume(campaign.directory.path, workshop=WORKSHOP)


def test_a_step_is_planned_before_the_one_before_it_is_judged(make_ahead):
    diary = Diary()
    make_ahead(60, "run").run(diary)
    steps = {number for what, number in diary.lines if what == "judged"}
    first = {line: diary.lines.index(line) for line in reversed(diary.lines)}
    assert first["judged", 1] < first["planned", 2], "others need a parent"
    ahead = [number for number in steps if first.get(("planned", number + 1), 999) < first["judged", number]]
    assert len(ahead) > len(steps) / 2


def test_as_many_tasks_are_under_way_as_the_cluster_wants(make_ahead):
    """Steps of one task are looked further ahead than those of many."""
    campaign, under_way = make_ahead(60, "run"), []

    class Counts(Observer):
        counted = 0

        def on_verdict(self, step, job, verdict, status, progress):
            self.counted = progress.evaluations

        def on_drafts(self, step, drafts):
            with campaign.directory.read() as reader:
                jobs = {record.step.number: len(record.jobs) for record in reader.steps()}
            under_way.append(sum(jobs.values()) - jobs[step.number] - self.counted)

    campaign.run(Counts())
    assert max(under_way) == 4, "with five nothing more is planned"
    assert len(set(under_way)) > 1


def test_the_search_is_of_the_same_kind_as_without(make_ahead, make_campaign):
    ahead, behind = make_ahead(120, "ahead").run(), make_campaign(evaluations=120, name="behind").run()
    assert ahead.front[0].signature == behind.front[0].signature == "online"
    assert ahead.front[0].ms < 1.1 * behind.front[0].ms


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("stop", [4, 9, 30])
def test_an_interrupted_campaign_goes_on_as_if_it_had_not_been(make_campaign, stop, seed):
    whole = make_campaign(evaluations=70, name="whole", seed=seed, **SETTINGS)
    result = whole.run()
    parts = make_campaign(evaluations=70, name="parts", seed=seed, **SETTINGS)
    assert parts.run(StopAfter(stop)).why == "interrupted"
    again = resumed(parts).run()
    assert trace(parts.directory) == trace(whole.directory)
    assert [elite.job for elite in again.front] == [elite.job for elite in result.front]


class Killed(BaseException):
    pass


class TwoDevices(LocalCluster):
    """Verdicts come in pairs, the later first. With `left` it dies after that many, wherever it then is."""

    devices, left = 2, None

    def __init__(self, workshop):
        super().__init__(workshop)
        self._came = []

    def take(self, best_ms):
        if self.left == 0:
            raise Killed
        if not self._came:
            self._came = [super(TwoDevices, self).take(best_ms) for _ in range(min(2, len(self._submitted)))]
        if self.left is not None:
            self.left -= 1
        return self._came.pop()

    def clear(self):
        super().clear()
        self._came.clear()


@pytest.mark.parametrize("kills", [(1,), (15, 9, 1, 1)])
def test_verdicts_that_came_out_of_turn_count_in_turn_after_a_kill_too(make_ahead, monkeypatch, kills):
    """Which ones came together is another question after a kill; what was decided follows from what had counted."""
    clusters, left = [], [*kills]

    def connect(workshop, address):
        clusters.append(TwoDevices(workshop))
        clusters[-1].left = left.pop(0) if left else None
        return clusters[-1]

    monkeypatch.setattr("egg_search.campaign.campaign.connect", connect)
    parts = make_ahead(90, "parts")
    with pytest.raises(Killed):
        parts.run()
    for _ in kills[1:]:
        with pytest.raises(Killed):
            resumed(parts).run()
    result = resumed(parts).run()
    assert result.why == "evaluations are used up"
    found = replay(parts.directory.path, workshop=WORKSHOP)
    assert found.configurations == result.evaluations and found.front == result.front
    with parts.directory.read() as reader:
        judged = [event for event in reader.events() if event.kind == JUDGED]
    early = [a for a, b in pairwise(judged) if (a.step, a.position) > (b.step, b.position)]
    assert early and any(a.step != b.step for a, b in pairwise(judged) if a in early), "of other steps, too"
