"""Progress in a pipe: one line an event, no escape codes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TextIO

from egg_search.archive import AddStatus, Elite
from egg_search.campaign import Progress, Settings
from egg_search.core.step import Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from egg_search.reports.board import Board
from egg_search.reports.text import survey_lines


class PlainProgress(Board):
    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def on_start(self, settings: Settings, resumed: int) -> None:
        super().on_start(settings, resumed)
        self._say(f"campaign on {settings.problem}" + (f", {resumed} configurations so far" if resumed else ""))

    def on_phase(self, phase: str) -> None:
        before, seconds = self.phase, time.monotonic() - self._ticked
        super().on_phase(phase)
        # The clock shows seconds of search, which stand still before it starts.
        self._say(f"{phase} ({before} took {seconds:.1f} s)" if phase == "searching" else phase)

    def on_survey(self, survey: Survey) -> None:
        super().on_survey(survey)
        self._say(f"baselines: {self.baselines_line()}")
        for line in survey_lines(survey):
            self._say(line)

    def on_step(self, step: Step) -> None:
        super().on_step(step)
        self._say(f"step {self.step_line()}")

    def on_author_lost(self, author: str, why: str) -> None:
        super().on_author_lost(author, why)
        self._say(self.lost[-1])

    def on_verdict(self, step: Step, job: Job, verdict: Verdict, status: AddStatus, progress: Progress) -> None:
        super().on_verdict(step, job, verdict, status, progress)
        if not verdict.ok:
            self._say(f"{job.candidate} {verdict.outcome}: {verdict.reason}")

    def on_best(self, elite: Elite) -> None:
        super().on_best(elite)
        self._say(f"best: {self.best_line()}")

    def on_step_done(self, step: Step, learnt: Mapping[str, Any], progress: Progress) -> None:
        super().on_step_done(step, learnt, progress)
        models = f"; models: {line}" if (line := self.models_line()) else ""
        self._say(f"step {step.number} done: {self.evaluations} configurations, {self.rate:.2f} a second{models}")

    def on_certified(self, elite: Elite, verdict: Verdict) -> None:
        reason = f": {verdict.reason}" if verdict.reason else ""
        self._say(f"judged again: {elite.job.candidate} {verdict.outcome}{reason}")

    def _say(self, text: str) -> None:
        line = " ".join(text.split())
        print(f"{self.elapsed:7.1f}s {line}", file=self._stream, flush=True)
