import io
from dataclasses import replace

import pytest
from fabricated_run import candidate, fabricate, ok
from rich.console import Console

from egg_search.archive import AddStatus, Elite
from egg_search.campaign import Progress, Settings
from egg_search.core.candidate import Dialect
from egg_search.core.step import Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Outcome, Verdict
from egg_search.reports.console import PIPE_WIDTH
from egg_search.reports.live import LiveProgress
from egg_search.reports.plain import PlainProgress
from egg_search.reports.progress import progress
from egg_search.reports.status import status_report
from egg_search.reports.summary import summarize
from egg_search.reports.table import result_table
from egg_search.reports.verdict import verdict_text

ESCAPE = "\x1b"


def in_a_pipe() -> Console:
    return Console(file=io.StringIO(), width=PIPE_WIDTH, highlight=False, no_color=True)


def on_a_terminal() -> Console:
    return Console(file=io.StringIO(), width=100, force_terminal=True)


@pytest.fixture
def run(tmp_path):
    return fabricate(tmp_path / "run")


def a_few_events(observer) -> None:
    step = Step(1, "tiling", "the next lever", 4, "expert", Dialect.CPP, principles=("tile-for-l1",))
    job, seen = Job(candidate("tiled").id), Progress(2, 4.0, {})
    observer.on_start(Settings("scale.py"), 0)
    observer.on_phase("searching")
    observer.on_survey(Survey({"eager": 10.0, "compile": 8.0}))
    observer.on_step(step)
    observer.on_verdict(
        step, job, Verdict(Outcome.BUILD_FAILED, "error: [x] is\nundeclared"), AddStatus.NOT_ADDED, seen
    )
    observer.on_verdict(step, job, ok(2.0), AddStatus.NEW, seen)
    observer.on_best(Elite(job, "sig", ok(2.0)))
    observer.on_step_done(step, {}, seen)
    observer.on_certified(Elite(job, "sig", ok(2.0)), ok(2.0))


def test_table_in_a_pipe_is_plain_and_says_everything(run):
    console = in_a_pipe()
    console.print(result_table([summarize(run)], {run: run / "export" / "scale_0_half.py"}))
    text = console.file.getvalue()
    assert ESCAPE not in text
    row = next(line for line in text.splitlines() if line.lstrip().startswith("scale "))
    for expected in ("10", "8", "1", "10.00x", "8.00x", "1.0e-04 (1.0e-07)", "half", "half products [bf16]"):
        assert expected in row.split("  ") or expected in row
    assert str(run / "export" / "scale_0_half.py") in text.replace("\n", "")


def test_table_fits_a_narrow_terminal(run):
    console = on_a_terminal()
    console.print(result_table([summarize(run)], {}))
    assert "10.00x" in console.file.getvalue()


def test_status_is_plain_in_a_pipe(run):
    console = in_a_pipe()
    console.print(status_report(run))
    text = console.file.getvalue()
    assert ESCAPE not in text
    for expected in ("ended: time is up", "3 ok, 1 wrong values", "tiling by expert", "tile-for-l1", "niches (2)"):
        assert expected in text


def test_plain_progress_is_one_line_an_event():
    stream = io.StringIO()
    a_few_events(PlainProgress(stream))
    lines = stream.getvalue().splitlines()
    assert ESCAPE not in stream.getvalue()
    assert any("best: 2 ms, 5.00x eager, 4.00x torch.compile (faithful)" in line for line in lines)
    assert any("build failed: error: [x] is undeclared" in line for line in lines)
    assert any("following tile-for-l1" in line for line in lines)
    assert all(line[:7].strip().replace(".", "").isdigit() for line in lines)


def test_live_panel_shows_best_step_and_budget():
    console = on_a_terminal()
    with LiveProgress(console) as live:
        a_few_events(live)
        console.print(live.render())
    text = console.file.getvalue()
    for expected in ("5.00x eager", "1 tiling by expert", "1 build failed", "of 5m", "0.50 a second"):
        assert expected in text


def test_progress_suits_the_stream():
    with progress(in_a_pipe()) as observer:
        assert isinstance(observer, PlainProgress)
    with progress(on_a_terminal()) as observer:
        assert isinstance(observer, LiveProgress)


def test_flags_of_the_front_are_shown_with_their_reason(tmp_path):
    run = fabricate(tmp_path / "run", flags=("patch: replaces time.time at line 3",))
    console = in_a_pipe()
    console.print(result_table([summarize(run)], {}))
    shown = [line for line in console.file.getvalue().splitlines() if "patch: replaces time.time at line 3" in line]
    assert shown == [f"scale: 1 ms, half, candidate {candidate('half').id}: patch: replaces time.time at line 3"]


def test_what_was_measured_beside_others_is_rough_everywhere(tmp_path):
    note = "GPU 0 is used by others (5000 MiB held, 0 % busy): timings are rough"
    survey = Survey({"eager": 10.0, "compile": 8.0}).on(others=[note, None, note])
    run, console, stream = fabricate(tmp_path / "run", survey=survey), in_a_pipe(), io.StringIO()
    assert summarize(run).result.survey == survey == Survey.from_json(survey.to_json())
    console.print(status_report(run))
    row = next(line for line in console.file.getvalue().splitlines() if line.lstrip().startswith("scale "))
    assert row.split()[1:6] == ["~10", "~8", "~1", "~10.00x", "~8.00x"]
    assert console.file.getvalue().count(note) == 1
    plain = PlainProgress(stream)
    plain.on_survey(survey)
    plain.on_best(Elite(Job(candidate("tiled").id), "sig", ok(2.0)))
    assert stream.getvalue().count(note) == 1
    assert "baselines: eager ~10 ms, compile ~8 ms" in stream.getvalue()
    assert "best: ~2 ms, ~5.00x eager, ~4.00x torch.compile" in stream.getvalue()
    text = verdict_text(ok(2.0), survey)
    assert "time: ~2 ms a call" in text and "against eager (~10 ms): ~5.00x" in text and f"note: {note}" in text


def test_a_verdict_shows_times_intervals_and_what_is_missing():
    phases = {"load": 0.25, "check": 1.5, "rows": 0.001}
    spent = {"build_seconds": 0.5, "run_seconds": 1.75, "resources": {"phases": phases}}
    verdict = replace(ok(2.0), flags=("patch: replaces time.time at line 3",), **spent)
    survey = Survey({"eager": 10.0}, {"compile": "no\ncompiler"}, ("output 0 is NaN everywhere",))
    text = verdict_text(verdict, survey)
    for expected in (
        "accepted: faithful",
        "time: 2 ms a call (1.98 to 2.02)",
        "against eager (10 ms): 5.00x (4.95x to 5.05x)",
        "judged in 2.2 s: load 0.25 s, check 1.5 s",
        "note: patch: replaces time.time at line 3",
        "note: degenerate problem: output 0 is NaN everywhere",
        "note: no baseline compile: no compiler",
    ):
        assert expected in text.splitlines()
