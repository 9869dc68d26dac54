"""How a run stands: `egg status`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from egg_search.archive import Archive
from egg_search.campaign import Settings, format_duration
from egg_search.reports.calls import spending_line
from egg_search.reports.machine import isolation_line
from egg_search.reports.roofline import roofline_cell
from egg_search.reports.summary import EAGER, Summary, summarize
from egg_search.reports.table import result_table
from egg_search.reports.tally import Arm, Tally
from egg_search.reports.text import milliseconds, ratio
from egg_search.rundir import RunDirectory

SHOWN = 12  # rows of a list that may be long


def status_report(path: Path) -> RenderableType:
    """Works beside a live driver. Raises RunDirectoryError when `path` is no run directory."""
    run = RunDirectory(path)
    settings = Settings.from_json(run.settings()["settings"])
    summary = summarize(path)
    with run.read() as reader:
        tally = Tally.of(reader, settings.admission)
    return Group(
        _facts(run, settings, summary, tally),
        result_table([summary], {}),
        _niches(tally.archive, summary.result.survey.shared),
        _arms("operator", tally.operators),
        _arms("principle", tally.principles),
    )


def _facts(run: RunDirectory, settings: Settings, summary: Summary, tally: Tally) -> RenderableType:
    result, pid = summary.result, run.driver()
    budgets = [format_duration(settings.budget_s)] if settings.budget_s else []
    budgets += [f"{settings.max_evaluations} configurations"] if settings.max_evaluations else []
    if pid is not None:
        state = f"running (pid {pid})"
    else:
        state = f"ended: {result.why}" if result.why else f"not running; go on with: egg resume {run.path}"
    rows = {
        "run": f"{run.path}: {state}",
        "budget used": f"{format_duration(result.elapsed)} of {', '.join(budgets)}",
        "steps": str(tally.steps),
        "configurations": f"{result.evaluations}, {summary.configurations_per_second:.2f} a second",
        "outcomes": ", ".join(f"{count} {outcome}" for outcome, count in tally.outcomes.most_common()) or "none yet",
        "refused drafts": ", ".join(f"{n} ({why})" for why, n in tally.refusals.most_common(3)) or "none",
        **({"models": spent} if (spent := spending_line(run.path)) else {}),
        "isolation": isolation_line(run.hardware().get("isolation", {})) or "none",
        "engine overhead": f"{result.engine_ms:.1f} ms a configuration",
    }
    grid = Table.grid(padding=(0, 2))
    for label, value in rows.items():
        grid.add_row(Text(label, style="dim"), Text(value))
    return grid


def _niches(archive: Archive, shared: bool) -> RenderableType:
    shown = sorted(archive, key=lambda elite: -elite.score)[:SHOWN]
    roofline = ["roofline"] if any(roofline_cell(elite.verdict) for elite in shown) else []  # on a GPU
    table = _table(f"niches ({len(archive)})", "class", "best ms", "vs eager", *roofline, "candidate")
    for elite in shown:
        speedup = elite.verdict.timing.speedups.get(EAGER)
        over = ratio(speedup.value if speedup else None, shared)
        reached = [roofline_cell(elite.verdict) or "-" for _ in roofline]
        ms = milliseconds(elite.ms, shared)
        _add(table, elite.signature, str(elite.precision), ms, over, *reached, elite.job.candidate)
    return table


def _arms(title: str, arms: Mapping[str, Arm]) -> RenderableType:
    table = _table(title, "configurations", "new or better", "gain in all")
    for name, arm in sorted(arms.items(), key=lambda item: -item[1].gain)[:SHOWN]:
        _add(table, name, str(arm.configurations), str(arm.added), ratio(arm.factor))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*map(Text, cells))
