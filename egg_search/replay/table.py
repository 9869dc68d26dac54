"""Policies on the same recorded data, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from egg_search.archive import Elite
from egg_search.replay.comparison import SHARES, Curve
from egg_search.reports.text import ratio

READ = (
    "'after n %' is the best speedup over eager when so much of what was recorded had been judged; the front is the "
    "search's own, without a second judgement. 'misses' are steps for which nothing was recorded: they brought nothing."
)


def comparison_table(curves: Iterable[Curve]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("policy", overflow="fold")
    for name in ("configurations", *(f"after {share:.0%}".replace("%", " %") for share in SHARES)):
        table.add_column(name, justify="right")
    table.add_column("front", overflow="fold")
    table.add_column("misses", justify="right")
    for curve in curves:
        reached = [ratio(curve.after(share) or None) for share in SHARES]
        cells = (curve.policy, str(len(curve.best)), *reached, front_text(curve.front), str(curve.misses))
        table.add_row(*map(Text, cells))
    return Group(table, Text(READ, style="dim"))


def front_text(front: Iterable[Elite]) -> str:
    return ", ".join(f"{ratio(exp(elite.score))} {elite.precision}" for elite in front) or "nothing"
