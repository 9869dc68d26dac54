"""What is known of the problem before the search is told, recorded and shown."""

import io
from dataclasses import dataclass
from typing import ClassVar

from search_fakes import FakeJudge, FakeWorkshop

from egg_search.campaign import load_result
from egg_search.core.survey import Survey
from egg_search.reports.plain import PlainProgress
from egg_search.reports.summary import summarize
from egg_search.reports.table import result_table
from egg_search.reports.text import survey_lines

NOTE = "output 0 is zero everywhere, whatever the inputs are"


class Odd(FakeJudge):
    baseline_failures: ClassVar = {"compile": "it took\ntoo long"}
    problem_notes = (NOTE,)

    def baselines(self):
        return {"eager": super().baselines()["eager"]}


@dataclass(frozen=True)
class OddWorkshop(FakeWorkshop):
    def judge(self):
        return Odd(self.pause, self.log_path, self.dies_on)


def test_a_survey_is_told_recorded_and_shown(make_campaign):
    campaign, stream = make_campaign(evaluations=8, workshop=OddWorkshop()), io.StringIO()
    survey = campaign.run(PlainProgress(stream)).survey
    assert survey == Survey({"eager": 10.0}, {"compile": "it took\ntoo long"}, (NOTE,))
    assert load_result(campaign.directory.path).survey == survey
    shown = [f"degenerate problem: {NOTE}", "no baseline compile: it took too long"]
    assert survey_lines(survey) == shown
    notes = [each.plain for each in result_table([summarize(campaign.directory.path)], {}).renderables[1:]]
    for line in shown:
        assert any(each.endswith(line) for each in stream.getvalue().splitlines())
        assert f"identity: {line}" in notes
