"""Tables of a GPU: each precision class against baselines that are as exact, and what is reached of the hardware."""

import io
import json
from math import isnan
from pathlib import Path

import pytest
from fabricated_run import candidate
from rich.console import Console

from egg_search.archive import Elite
from egg_search.bench.aggregates import aggregate, reach, to_json
from egg_search.bench.markdown import page
from egg_search.bench.scores import score
from egg_search.campaign import Result
from egg_search.core.hardware import Hardware
from egg_search.core.step import Job
from egg_search.core.survey import Survey
from egg_search.core.verdict import Errors, Interval, Outcome, PrecisionClass, Timing, Verdict
from egg_search.reports.rivals import Rivals, rivals
from egg_search.reports.summary import Point, Summary
from egg_search.reports.table import READ_CLASSES, result_table

FAITHFUL, TF32, HALF = PrecisionClass.FAITHFUL, PrecisionClass.TF32, PrecisionClass.HALF
BASELINES = {"eager": 8.0, "eager_fp32": 12.0, "eager_tf32": 6.0, "compile": 9.0, "compile_tf32": 3.0}
MACHINE = {
    "hardware": Hardware("cuda", "Imaginary 100", 132, 16, 1, 1, 0, 80 << 30).facts(),
    "versions": {"torch": "2.11.0"},
}
EAGER_ERROR = 1e-6


def point(ms, precision=FAITHFUL, bound="compute", fraction=0.5, error=5e-7, baselines=BASELINES, **resources):
    speedups = {name: Interval(each / ms, each / ms * 0.99, each / ms * 1.01) for name, each in baselines.items()}
    timing = Timing(Interval(ms, ms, ms), dict(baselines), speedups, 20, 0.02)
    roofline = {"gb_s": 3000.0, "tflop_s": 90.0, "fraction": fraction, "fp32_fraction": 1.5, "bound": bound}
    resources = {"roofline": {**roofline, "ceiling": "bf16 / 6"}, "diagnosis": {"bottleneck": bound}, **resources}
    errors = Errors(error, error, 0.1, EAGER_ERROR, precision)
    verdict = Verdict(Outcome.OK, errors=errors, timing=timing, generated_share=1.0, resources=resources)
    return Point(Elite(Job(candidate("rows").id), "sig", verdict), "", "one kernel", (), baselines)


def summary(*points, name="product", baselines=BASELINES, elapsed=60.0, devices=1, finished=60.0):
    front = tuple(sorted(points, key=lambda each: each.ms))
    found, timings = Survey(baselines, devices=devices), {"run": 42.0, "engine": 0.9}
    result = Result(
        tuple(p.elite for p in front),
        True,
        "time is up",
        90,
        elapsed,
        found,
        timings,
        finished,
    )
    return Summary(Path(name), name, result, front, baselines)


def test_each_class_has_rivals_that_are_as_exact():
    assert rivals(FAITHFUL, BASELINES) == Rivals("eager_fp32", "compile", "max_autotune")
    in_tf32 = Rivals("eager_tf32", "compile_tf32", "max_autotune_tf32")
    assert rivals(TF32, BASELINES) == rivals(HALF, BASELINES) == in_tf32
    shipped = Rivals("eager", "compile", "max_autotune")
    assert {rivals(each, {"eager", "compile"}) for each in PrecisionClass} == {shipped}
    # A torch.compile in TF32 that failed is not replaced by a slower one in float32.
    assert rivals(TF32, set(BASELINES) - {"compile_tf32"}).compile == "compile_tf32"


def test_speedups_are_over_the_rivals_of_the_class():
    found = score(summary(point(4.0), point(2.0, TF32)))
    faithful, tf32 = found.best["faithful"], found.best["tf32"]
    assert (faithful.vs_eager, faithful.vs_compile, faithful.vs_shipped) == pytest.approx((3.0, 2.25, 2.0))
    assert (tf32.vs_eager, tf32.vs_compile, tf32.vs_shipped) == pytest.approx((3.0, 1.5, 4.0))
    assert faithful.vs_better == pytest.approx(2.25)


def test_what_is_more_exact_than_its_class_meets_the_rivals_of_the_class():
    found = score(summary(point(2.0)))
    assert found.best["tf32"].precision == "faithful"
    assert found.best["tf32"].vs_compile == pytest.approx(1.5)
    assert list(found.new) == ["faithful"]
    assert aggregate([found], TF32).geomean_vs_eager == pytest.approx(3.0)


def test_a_missing_rival_is_no_speedup():
    fewer = {name: ms for name, ms in BASELINES.items() if name != "compile_tf32"}
    found = score(summary(point(2.0, TF32, baselines=fewer), baselines=fewer))
    assert isnan(found.best["tf32"].vs_compile)
    assert aggregate([found], TF32).worst_vs_better == pytest.approx(3.0)


def test_reach_tells_memory_and_compute_bound_problems_apart():
    scores = [
        score(summary(point(4.0, bound="memory", fraction=share), name=name))
        for name, share in (("a", 0.9), ("b", 0.95), ("c", 0.97))
    ]
    scores += [
        score(summary(point(ms, error=error), name=name)) for name, ms, error in (("d", 3, 5e-7), ("e", 12, 2e-6))
    ]
    found = reach(scores, FAITHFUL)
    assert (found.memory_bound, found.compute_bound) == (3, 2)
    assert found.median_bandwidth == pytest.approx(0.95)
    assert found.compute_geomean_vs_eager == pytest.approx(2.0)  # of 4 and 1
    assert found.compute_worst_error_ratio == pytest.approx(2.0)
    assert found.compute_median_error_ratio == pytest.approx(1.25)


def test_page_and_json_of_a_gpu():
    scores = [score(summary(point(4.0), point(2.0, TF32))), score(summary(point(1.0, bound="memory"), name="copy"))]
    text = page(scores, {}, "egg bench", MACHINE)
    assert "132 multiprocessors" in text
    assert "Measuring: 70% of the search." in text
    tables = [table.splitlines() for table in text.split("\n\n") if table.startswith("|")]
    assert len(tables) == 3
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
    rows = {(cells[1], cells[4]): cells for cells in ([c.strip() for c in row.split("|")] for row in tables[2][2:])}
    assert set(rows) == {("product", "faithful"), ("product", "tf32"), ("copy", "faithful")}
    assert rows["product", "faithful"][2:9] == ["12", "9", "faithful", "4", "3.00x", "2.25x", "2.00x"]
    assert rows["product", "tf32"][2:9] == ["6", "3", "tf32", "2", "3.00x", "1.50x", "4.00x"]
    assert "0.50x" in rows["product", "faithful"]
    assert "50% of memory" in rows["copy", "faithful"]
    record = json.loads(json.dumps(to_json(scores)))
    assert record["problems"][0]["best"]["faithful"]["error_ratio"] == pytest.approx(0.5)
    assert record["problems"][0]["best"]["faithful"]["roofline"]["gb_s"] == 3000.0
    assert record["measuring"] == pytest.approx(0.7)
    assert [each["precision"] for each in record["reach"]] == ["faithful", "tf32"]


def test_how_busy_a_gpu_was_is_told_of_searches_that_finished_a_step():
    early = score(summary(point(4.0), finished=50.0))
    none = score(summary(point(4.0), finished=0.0))
    assert early.measuring == pytest.approx(0.84)
    assert to_json([early, none])["measuring"] == pytest.approx(0.84)
    assert json.loads(json.dumps(to_json([none])))["measuring"] is None
    assert "Measuring: - of the search." in page([none], {}, "egg bench", MACHINE)


def test_a_rate_is_that_of_a_gpu():
    found = score(summary(point(4.0), devices=4))
    assert found.per_device == pytest.approx(90 / 60 / 4)
    text = page([found], {}, "egg bench", MACHINE)
    assert "Configurations a second and GPU: 0.38 on average" in text


def test_result_table_compares_with_the_rivals_of_the_class():
    console = Console(file=io.StringIO(), width=300)
    console.print(result_table([summary(point(2.0, TF32))], {}))
    text = console.file.getvalue()
    row = next(line for line in text.splitlines() if line.lstrip().startswith("product"))
    assert row.split()[1:6] == ["6", "3", "2", "3.00x", "1.50x"]
    assert READ_CLASSES.strip() in " ".join(text.split())


def test_max_autotune_has_columns_where_it_was_asked_for():
    asked = BASELINES | {"max_autotune": 5.0, "max_autotune_tf32": 2.5}
    found = summary(point(4.0, baselines=asked), point(2.0, TF32, baselines=asked), baselines=asked)
    faithful, tf32 = (score(found).best[each] for each in ("faithful", "tf32"))
    assert (faithful.vs_tuned, tf32.vs_tuned) == pytest.approx((1.25, 1.25))
    texts = {}
    for name, each in (("asked", found), ("not", summary(point(2.0, TF32)))):
        console = Console(file=io.StringIO(), width=300)
        console.print(result_table([each], {}))
        texts[name] = console.file.getvalue(), page([score(each)], {}, "egg bench", MACHINE)
    assert all("vs max-autotune" in text for text in texts["asked"])
    assert not any("max-autotune" in text for text in texts["not"])
    row = next(line for line in texts["asked"][0].splitlines() if line.lstrip().startswith("product"))
    assert row.split()[1:8] == ["6", "3", "2.5", "2", "3.00x", "1.50x", "1.25x"]


def test_what_is_no_less_exact_than_eager_has_a_speedup_of_its_own():
    faster = summary(point(2.0, error=1.5 * EAGER_ERROR), point(4.0, error=0.9 * EAGER_ERROR), name="both")
    only, other = summary(point(3.0, error=2 * EAGER_ERROR)), summary(point(1.0, bound="memory"), name="copy")
    found = [score(each) for each in (faster, only, other)]
    assert found[0].as_exact_vs_eager == pytest.approx(3.0) and isnan(found[1].as_exact_vs_eager)
    reached = reach(found, FAITHFUL)
    assert (reached.compute_bound, reached.compute_as_exact) == (2, 1)
    assert reached.compute_as_exact_geomean_vs_eager == pytest.approx(3.0)
