"""A flag changes the ranking only where the campaign's settings say so, and a replayed journal ranks the same."""

from dataclasses import dataclass, replace

import pytest
from search_fakes import FakeJudge, FakeWorkshop, structure_of

from egg_search.archive import Admission
from egg_search.campaign import Campaign, load_result
from egg_search.reports.tally import Tally
from egg_search.rundir import RunDirectory

FLAG = "library-only: forward calls torch operators only, no kernel is loaded"
PORTS = ("fused", "online")  # what is fastest calls the library


class Flagging(FakeJudge):
    def judge(self, candidate, *task):
        verdict = super().judge(candidate, *task)
        return replace(verdict, flags=(FLAG,)) if structure_of(candidate) in PORTS else verdict


@dataclass(frozen=True)
class FlaggingWorkshop(FakeWorkshop):
    def judge(self):
        return Flagging(self.pause, self.log_path, self.dies_on)


def structures(elites):
    return {elite.signature for elite in elites}


def test_without_the_setting_flags_change_nothing(make_campaign):
    flagged = make_campaign(name="flagged", workshop=FlaggingWorkshop()).run()
    plain = make_campaign(name="plain").run()
    assert [e.job for e in flagged.front] == [e.job for e in plain.front]
    assert structures(flagged.front) <= set(PORTS)


@pytest.fixture
def campaign(make_campaign):
    return make_campaign(workshop=FlaggingWorkshop(), library_ports=False)


def test_with_it_library_ports_are_in_neither_archive_nor_front(campaign):
    result = campaign.run()
    assert result.front and result.certified
    assert not structures(result.front) & set(PORTS)
    with campaign.directory.read() as reader:
        verdicts = [evaluation.verdict for evaluation in reader.evaluations()]
        tally = Tally.of(reader, campaign.settings.admission)
    assert any(FLAG in verdict.flags for verdict in verdicts)  # judged and recorded all the same
    assert not structures(tally.archive) & set(PORTS)


def test_a_resumed_campaign_goes_by_the_same_rule(campaign):
    before = campaign.run()
    path = campaign.directory.path
    assert RunDirectory(path).settings()["settings"]["library_ports"] is False
    assert load_result(path) == before
    resumed = Campaign.resume(path, max_evaluations=60, workshop=FlaggingWorkshop())
    assert resumed.settings.admission == Admission(library_ports=False)
    assert not structures(resumed.run().front) & set(PORTS)
