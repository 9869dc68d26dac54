"""The table that ends a run: what PyTorch needs, what was found, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from egg_search.reports.summary import COMPILE, EAGER, Summary

READ = (
    "times are milliseconds a call, lower is better; 'vs' columns are the baseline's time over the best found's; "
    "error is |result - float64| / |float64|, with PyTorch's own in brackets"
)


def result_table(summaries: Iterable[Summary], modules: dict[str, str]) -> RenderableType:
    """One row a run. `modules` maps a run's path to the folder of its exported modules."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("problem", overflow="fold")
    for name in ("eager ms", "compile ms", "best ms", "vs eager", "vs compile"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("error", no_wrap=True)
    table.add_column("class", no_wrap=True)
    table.add_column("structure", overflow="fold", ratio=2)
    table.add_column("principles", overflow="fold", ratio=2)
    lines = []
    for summary in summaries:
        table.add_row(*_row(summary))
        if str(summary.path) in modules:
            lines.append(Text(f"{summary.problem}: modules in {modules[str(summary.path)]}"))
    return Group(table, Text(READ, style="dim"), *lines)


def print_results(console: Console, summaries: Iterable[Summary], modules: dict[str, str]) -> None:
    console.print(result_table(summaries, modules))


def milliseconds(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.4g}"


def ratio(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.2f}x"


def _row(summary: Summary) -> list[Text]:
    eager, compiled = (milliseconds(summary.baselines_ms.get(name)) for name in (EAGER, COMPILE))
    best = summary.best
    if best is None:
        return _texts(summary.problem, eager, compiled, "-", "-", "-", "-", "-", "nothing correct was found", "-")
    errors = best.verdict.errors
    return [
        *_texts(summary.problem, eager, compiled, milliseconds(best.ms)),
        _coloured(best.speedup(EAGER)),
        _coloured(best.speedup(COMPILE)),
        *_texts(f"{errors.norm:.1e} ({errors.eager_norm:.1e})", errors.precision, best.structure),
        Text(", ".join(best.principles) or "-"),
    ]


def _coloured(value: float) -> Text:
    return Text(ratio(value), style="green" if value > 1 else "red" if value < 1 else "")


def _texts(*values: str) -> list[Text]:
    return [Text(str(value)) for value in values]
