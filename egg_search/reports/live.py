"""Progress on a terminal: one panel that stays in place."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from egg_search.campaign import format_duration
from egg_search.reports.board import Board
from egg_search.reports.text import survey_lines

REFRESH_HZ = 4


class LiveProgress(Board):
    """A context manager: the panel is drawn inside, and gone after."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=REFRESH_HZ, transient=True)

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def render(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        failed = ", ".join(f"{n} {outcome}" for outcome, n in self.outcomes.most_common())
        grid.add_row("baselines", Text(self.baselines_line()))
        for line in (*survey_lines(self.survey), *self.lost):
            grid.add_row("note", Text(line))
        grid.add_row("best so far", Text(self.best_line(), style="bold green" if self.best else ""))
        grid.add_row("step", Text(self.step_line()))
        grid.add_row("configurations", Text(f"{self.evaluations} ({self.rate:.2f} a second)  {failed}"))
        if models := self.models_line():
            grid.add_row("models", Text(models))
        grid.add_row("budget", self._budget())
        title = Text(f"{self.settings.problem if self.settings else ''}: {self.phase}")
        return Panel(grid, title=title, title_align="left")

    def _budget(self) -> RenderableType:
        settings = self.settings
        if settings is None:
            return Text("-")
        if settings.budget_s is None:
            done, total = self.evaluations, settings.max_evaluations
            label = f"{done} of {total} configurations"
        else:
            done, total = min(self.elapsed, settings.budget_s), settings.budget_s
            label = f"{format_duration(done)} of {format_duration(total)}"
        row = Table.grid(padding=(0, 1))
        row.add_row(ProgressBar(total=total, completed=done, width=40), Text(label))
        return row
