"""Two runs of the evaluator, compared."""

import json
from dataclasses import replace

import pytest
from fabricated_run import fabricate, ok

from egg_search.bench.again import compared, deviations, judge_again, markdown
from egg_search.bench.places import places
from egg_search.core.hardware import detect_cpu
from egg_search.core.verdict import Outcome, Verdict


def pairs(*times, margin=0.02):
    """Verdicts as JSON of kernels that took so many (first, second) milliseconds."""
    made = [[ok(first), ok(second)] for first, second in times]
    return [[replace(v, timing=replace(v.timing, margin=margin)).to_json() for v in pair] for pair in made]


def test_ratio_is_the_fastest_kernels():
    found = compared("scale", pairs((2.0, 2.1), (4.0, 8.0)))
    assert found.ratio == pytest.approx(1.05)
    assert found.speedup_ratio == pytest.approx(1 / 1.05)  # eager took the same in both
    assert found.ranks_hold


def test_ranks_change_only_beyond_the_margin():
    assert not compared("scale", pairs((2.0, 3.0), (2.5, 2.5))).ranks_hold
    assert compared("scale", pairs((2.0, 2.03), (2.01, 2.0))).ranks_hold
    assert compared("scale", pairs((2.0, 3.0), (2.5, 2.5), margin=0.3)).ranks_hold


def test_what_is_refused_the_second_time_is_said_and_left_out_of_the_medians():
    (first, _), *_ = pairs((2.0, 2.0))
    wrong = Verdict(Outcome.WRONG_VALUES, "row 3 is off").to_json()
    found = [
        compared("a", [[first, wrong]]),
        compared("b", []),
        compared("c", pairs((2.0, 2.02))),
        compared("d", pairs((2.0, 1.9))),
        compared("e", pairs((2.0, 2.002))),
    ]
    assert deviations(found)[0] == pytest.approx(0.01)
    text = markdown(found)
    assert "a: wrong values the second time: row 3 is off" in text
    assert "b: nothing was certified" in text
    assert "Median deviation of times 1.00%" in text
    assert "ranks hold in 3 of 3 problems" in text


def test_a_run_of_another_machine_is_refused(tmp_path):
    run = fabricate(tmp_path / "scale")
    (found,) = judge_again([run], places(1, "cpu"), {})
    assert "begun on Imaginary 9000" in found.failure


@pytest.mark.chaos  # half a minute of real searches and judgements; the parts of it are tested here
@pytest.mark.timeout(300)
def test_certified_kernels_are_really_judged_again(tmp_path):
    run = fabricate(tmp_path / "scale")
    machine = json.loads((run / "hardware.json").read_text())
    here = detect_cpu()
    (run / "hardware.json").write_text(json.dumps({**machine, "id": here.id, "hardware": here.facts()}))
    (found,) = judge_again([run], places(1, "cpu"), {})
    assert found.failure is None
    assert [timing.ms.value for timing in found.first] == [1.0, 2.0]
    assert len(found.second) == 2
    assert all(timing.samples >= 1 for timing in found.second)
    assert 0 < found.ratio < 1  # the fabricated times are those of no machine
