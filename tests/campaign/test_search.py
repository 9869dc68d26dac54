"""The loop as a whole, with an author and an evaluator that cost nothing."""

from collections import Counter

import pytest
from search_fakes import FakeWorkshop

from egg_search.campaign import Observer, load_result
from egg_search.core.errors import UserError
from egg_search.core.step import TUNE


class Recorder(Observer):
    def __init__(self):
        self.events = Counter()
        self.bests = []

    def __getattribute__(self, name):
        if name.startswith("on_") and name != "on_best":
            self.events[name] += 1
        return object.__getattribute__(self, name)

    def on_best(self, elite):
        self.bests.append(elite.score)


def test_finds_the_best_structure_and_configuration(make_campaign):
    result = make_campaign(evaluations=120).run()
    best = result.front[0]
    assert best.signature == "online"  # only `refine` gets there
    # Three edits (0.9 each) of a 3 ms kernel, at the optimum of its knobs, within 10 %.
    assert best.ms < 3.0 * 0.9**3 * 1.1
    assert result.certified
    assert result.why == "evaluations are used up"
    assert result.evaluations == 120


def test_steps_follow_the_stages(make_campaign):
    campaign = make_campaign(evaluations=80)
    campaign.run()
    with campaign.directory.read() as reader:
        steps = [record.step for record in reader.steps()]
    assert steps[0].operator == "seed"
    first = [step.lever for step in steps if step.lever and step.operator != TUNE]
    assert [str(lever) for lever in dict.fromkeys(first)] == ["mapping", "tiling", "staging"]
    assert "refine" in {step.operator for step in steps}


def test_nothing_is_judged_twice(make_campaign):
    campaign = make_campaign(evaluations=100)
    campaign.run()
    with campaign.directory.read() as reader:
        keys = [evaluation.job.key for evaluation in reader.evaluations()]
    assert len(keys) == len(set(keys)) == 100


def test_ends_when_nothing_is_left(make_campaign):
    """Every space is finite: 4 structures, at most 8 candidates each, 8 configurations a candidate."""
    result = make_campaign(evaluations=10_000, workshop=FakeWorkshop(small=True)).run()
    assert result.why == "nothing left to try"
    assert 4 * 8 <= result.evaluations <= 4 * 8 * 8


def test_every_candidate_is_a_file(make_campaign):
    campaign = make_campaign()
    campaign.run()
    with campaign.directory.read() as reader:
        candidates = {evaluation.job.candidate for evaluation in reader.evaluations()}
        for candidate in candidates:
            assert (campaign.directory.path / "candidates" / f"{candidate}.py").read_text() == reader.candidate(
                candidate
            ).source


def test_observers_see_it_all(make_campaign):
    recorder = Recorder()
    make_campaign(evaluations=30).run(recorder)
    assert recorder.events["on_verdict"] == 30
    assert recorder.events["on_start"] == recorder.events["on_end"] == recorder.events["on_survey"] == 1
    assert recorder.bests == sorted(recorder.bests)
    assert len(recorder.bests) > 3


def test_time_budget_ends_a_search(make_campaign):
    result = make_campaign(evaluations=None, budget_s=0.5, workshop=FakeWorkshop(pause=0.02)).run()
    assert result.why == "time is up"
    assert 0.5 <= result.elapsed < 1.5


def test_the_front_is_certified_on_fresh_inputs_in_full(make_campaign, tmp_path):
    log = tmp_path / "log"
    make_campaign(evaluations=20, workshop=FakeWorkshop(log_path=log)).run()
    lines = log.read_text().splitlines()
    (renewed,) = (index for index, line in enumerate(lines) if line.startswith("renew"))
    assert len(lines[:renewed]) == 20
    certified = lines[renewed + 1 :]
    assert certified
    assert all(line.endswith("full") for line in certified)


def test_result_can_be_read_from_the_directory(make_campaign):
    campaign = make_campaign()
    result = campaign.run()
    assert load_result(campaign.directory.path) == result


def test_engine_overhead_is_recorded_and_small(make_campaign):
    result = make_campaign(evaluations=100).run()
    assert set(result.timings) == {"author", "build", "run", "engine"}
    assert 0 < result.engine_ms < 20


def test_an_author_that_cannot_work_stops_the_campaign(make_campaign):
    campaign = make_campaign(authors=("broken",))
    with pytest.raises(UserError, match="author broken: no key"):
        campaign.run()
    with campaign.directory.read() as reader:
        assert reader.sessions()[-1].why == "author broken: no key"


def test_bad_input_writes_nothing(make_campaign, tmp_path, problem_file):
    problem_file.write_text("def broken(:\n")
    with pytest.raises(UserError):
        make_campaign()
    assert not (tmp_path / "run").exists()
