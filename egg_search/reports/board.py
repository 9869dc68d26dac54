"""What there is to say about a campaign while it runs, kept up to date by its events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from egg_search.archive import AddStatus, Elite
from egg_search.campaign import Observer, Progress, Settings
from egg_search.core.step import Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Outcome, Verdict
from egg_search.reports.calls import spent_of
from egg_search.reports.summary import COMPILE, EAGER, speedup
from egg_search.reports.text import milliseconds, ratio
from operators.authors.llm.models.usage import Spending
from operators.base import Draft, Refusal

SHOWN = 3  # principles of a step that are named


class Board(Observer):
    """Facts, no looks: `LiveProgress` and `PlainProgress` show them."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        self.phase = "starting"
        self.survey = Survey()
        self.step: Step | None = None
        self.best: Elite | None = None
        self.outcomes: Counter[Outcome] = Counter()
        self.lost: list[str] = []  # authors that are not asked any more
        self.evaluations = 0
        self.spent: Spending | None = None  # by language models
        self._elapsed, self._ticked = 0.0, time.monotonic()

    def on_start(self, settings: Settings, resumed: int) -> None:
        self.settings, self.evaluations = settings, resumed

    def on_phase(self, phase: str) -> None:
        self.phase, self._ticked = phase, time.monotonic()

    def on_survey(self, survey: Survey) -> None:
        self.survey = survey

    def on_step(self, step: Step) -> None:
        self.step = step

    def on_drafts(self, step: Step, drafts: Sequence[Draft | Refusal]) -> None:
        """The verdicts tell more than the drafts do."""

    def on_author_lost(self, author: str, why: str) -> None:
        self.lost.append(f"author {author} is not asked any more: {why}")

    def on_verdict(self, step: Step, job: Job, verdict: Verdict, status: AddStatus, progress: Progress) -> None:
        self.outcomes[verdict.outcome] += 1
        self.evaluations = progress.evaluations
        self._tick(progress.elapsed)

    def on_best(self, elite: Elite) -> None:
        self.best = elite

    def on_step_done(self, step: Step, learnt: Mapping[str, Any], progress: Progress) -> None:
        self.spent = progress.spent
        self._tick(progress.elapsed)

    def _tick(self, elapsed: float) -> None:
        self._elapsed, self._ticked = elapsed, time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of search, running on between events."""
        running = time.monotonic() - self._ticked if self.phase == "searching" else 0.0
        return self._elapsed + running

    @property
    def rate(self) -> float:
        """Configurations a second, over the whole search."""
        return self.evaluations / self._elapsed if self._elapsed else 0.0

    def best_line(self) -> str:
        if self.best is None:
            return "none yet"
        verdict, rough = self.best.verdict, self.survey.shared
        over = ", ".join(
            f"{ratio(speedup(verdict, name, self.survey.baselines_ms), rough)} {label}"
            for name, label in ((EAGER, "eager"), (COMPILE, "torch.compile"))
        )
        return f"{milliseconds(self.best.ms, rough)} ms, {over} ({self.best.precision})"

    def models_line(self) -> str:
        """What language models took of what they may; empty where none was asked."""
        if self.spent is None or self.settings is None:
            return ""
        return spent_of(self.spent, *(each.get("budget", {}) for each in self.settings.author_options.values()))

    def baselines_line(self) -> str:
        baselines, rough = self.survey.baselines_ms.items(), self.survey.shared
        return ", ".join(f"{name} {milliseconds(ms, rough)} ms" for name, ms in baselines) or "not measured yet"

    def step_line(self) -> str:
        if self.step is None:
            return "-"
        step = self.step
        named, more = step.principles[:SHOWN], len(step.principles) - SHOWN
        followed = f", following {', '.join(named)}" if named else ""
        followed += f" and {more} more" if more > 0 else ""
        return f"{step.number} {step.operator}{' by ' + step.author if step.author else ''}: {step.why}{followed}"
