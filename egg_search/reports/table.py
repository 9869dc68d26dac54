"""The table that ends a run: what PyTorch needs, what was found, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from egg_search.reports.rivals import SHIPPED, has_classes, is_tuned, rivals
from egg_search.reports.roofline import roofline_cell
from egg_search.reports.summary import Point, Summary
from egg_search.reports.text import milliseconds, ratio, survey_lines

KINDS = ("eager", "compile", "max-autotune")  # of baselines, as columns; the last one on request

READ = (
    "Times are milliseconds a call. 'vs' is the baseline's time over the best found's: above 1 is faster; "
    "~ means that the machine was too busy, or the GPU shared, for the figure to be trusted within 25 %. "
    "'error' is the distance to a float64 reference in norm, PyTorch eager's own in brackets."
)

READ_CLASSES = (
    " 'eager' and 'compile' are as exact as the best's class: strict float32 for faithful, TF32 for every other one."
)

READ_TUNED = " 'max-autotune' is torch.compile in that mode, without CUDA graphs."

READ_ROOFLINE = (
    " 'roofline' is the least work of the problem over the best's time, its share of what this GPU reaches, and what "
    "holds the best up."
)


def result_table(summaries: Iterable[Summary], modules: Mapping[Path, Path]) -> RenderableType:
    """One row a run. `modules` maps a run's path to the fastest of its exported modules."""
    summaries = list(summaries)
    on_gpu, classes = any(map(_roofline, summaries)), any(has_classes(each.baselines_ms) for each in summaries)
    tuned = any(is_tuned(each.baselines_ms) for each in summaries)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("problem", overflow="fold")
    kinds = KINDS[: 3 if tuned else 2]
    for name in (*(f"{kind} ms" for kind in kinds), "best ms", *(f"vs {kind}" for kind in kinds)):
        table.add_column(name, justify="right")
    table.add_column("error (eager's)")
    table.add_column("class", no_wrap=True)
    if on_gpu:
        table.add_column("roofline")
    table.add_column("structure, and the principles that won", overflow="fold", ratio=1)
    notes = [Text(READ + READ_CLASSES * classes + READ_TUNED * tuned + READ_ROOFLINE * on_gpu, style="dim")]
    for summary in summaries:
        *figures, won = _row(summary, len(kinds))
        table.add_row(*figures, *([Text(_roofline(summary) or "-")] if on_gpu else []), won)
        if summary.path in modules:
            notes.append(Text(f"{summary.problem}: {modules[summary.path]}"))
        lines = [*survey_lines(summary.result.survey), *flag_lines(summary)]
        notes += [Text(f"{summary.problem}: {line}") for line in lines]
        if summary.best and not summary.result.certified:
            notes.append(Text(f"{summary.problem}: not judged a second time yet; figures are the search's own"))
    return Group(table, *notes)


def flag_lines(summary: Summary) -> list[str]:
    """What static analysis says of the points on the front."""
    return [
        f"{milliseconds(point.ms)} ms, {point.elite.precision}, candidate {point.elite.job.candidate}: {flag}"
        for point in summary.front
        for flag in point.verdict.flags
    ]


def _row(summary: Summary, kinds: int) -> list[Text]:
    best = summary.best
    names = (rivals(best.elite.precision, summary.baselines_ms) if best else SHIPPED)[:kinds]
    baselines = [milliseconds(summary.baselines_ms.get(name), summary.result.survey.shared) for name in names]
    if best is None:
        empty = ["-"] * (kinds + 3)
        return [Text(each) for each in (summary.problem, *baselines, *empty, "found nothing correct")]
    errors = best.verdict.errors
    won = f"{best.structure}; {', '.join(best.principles) or 'no principle'}"
    return [
        *(Text(each) for each in (summary.problem, *baselines, milliseconds(best.ms, best.shared))),
        *(_over(best, name) for name in names),
        *(Text(each) for each in (f"{errors.norm:.1e} ({errors.eager_norm:.1e})", str(errors.precision), won)),
    ]


def _roofline(summary: Summary) -> str:
    return roofline_cell(summary.best.verdict) if summary.best else ""


def _over(point: Point, baseline: str) -> Text:
    value, rough = point.speedup(baseline), point.is_rough(baseline)
    return Text(ratio(value, rough), style="" if rough else "green" if value > 1 else "red" if value < 1 else "")
