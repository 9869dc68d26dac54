"""What a campaign tells while it runs. Observers watch; they never steer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from egg_search.archive import AddStatus, Elite
from egg_search.core.step import Job, Step
from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from operators.base import Draft, Refusal

if TYPE_CHECKING:
    from egg_search.campaign.result import Result
    from egg_search.campaign.settings import Settings
    from operators.authors.llm.models.usage import Spending


@dataclass(frozen=True)
class Progress:
    """`evaluations` and `elapsed` (seconds of search) count earlier sessions too, as does `spent`, what language models
    took until the last step that is done (None where none was asked). `timings` are seconds of this session by
    "author", "build", "run" and "engine" (everything else)."""

    evaluations: int
    elapsed: float
    timings: Mapping[str, float]
    spent: Spending | None = None


class Observer:
    """Override what you want to see. Calls come from the driver's thread, in order, after the journal has it."""

    def on_start(self, settings: Settings, resumed: int) -> None:
        """`resumed` is the number of evaluations that the journal already had."""

    def on_phase(self, phase: str) -> None:
        """ "starting workers", "measuring baselines", "searching" or "certifying"."""

    def on_survey(self, survey: Survey) -> None: ...

    def on_step(self, step: Step) -> None: ...

    def on_drafts(self, step: Step, drafts: Sequence[Draft | Refusal]) -> None: ...

    def on_author_lost(self, author: str, why: str) -> None:
        """It is not asked any more in this session."""

    def on_verdict(self, step: Step, job: Job, verdict: Verdict, status: AddStatus, progress: Progress) -> None: ...

    def on_best(self, elite: Elite) -> None:
        """A new fastest of all, by screening; when a session begins, the one that earlier sessions found."""

    def on_step_done(self, step: Step, learnt: Mapping[str, Any], progress: Progress) -> None:
        """`learnt` is the scheduler's report."""

    def on_certified(self, elite: Elite, verdict: Verdict) -> None:
        """An elite was judged again in full; `verdict` is the new one."""

    def on_end(self, result: Result) -> None: ...
