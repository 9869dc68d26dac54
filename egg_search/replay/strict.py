"""The strict replay: every decision of a campaign is made again from what was known then, and must be the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from egg_search.archive import Elite
from egg_search.campaign.driver import EXHAUSTED
from egg_search.campaign.replayed import Replayed
from egg_search.cluster import Workshop
from egg_search.core.step import TUNE, Step
from egg_search.replay.authors import Authors, had_no_reply
from egg_search.replay.certification import certified_again
from egg_search.replay.difference import Difference, require_equal
from egg_search.replay.recording import Recording, told
from egg_search.replay.refused import as_proposed
from egg_search.rundir import BEGUN, JUDGED, PLANNED, Event, StepRecord
from operators.base import Brief


@dataclass(frozen=True)
class Replay:
    """What was replayed. `open` steps had begun and were not done when the record ends."""

    steps: int
    open: int
    configurations: int
    calls: int  # of models, answered from the record
    front: tuple[Elite, ...]  # fastest first
    certified: bool


def replay(path: Path, authors: bool = False, workshop: Workshop | None = None) -> Replay:
    """Raises Difference at the first thing that is not as recorded. `authors`: also run those again that compute."""
    walk = _Walk(Recording.open(path, workshop), authors)
    try:
        return walk.all()
    finally:
        walk.authors.close()


class _Walk:
    def __init__(self, recording: Recording, everybody: bool) -> None:
        self.authors = Authors(recording, everybody)
        self._recording = recording
        self._state, self._planner = recording.begin()
        self._steps = {number: Replayed(record) for number, record in recording.steps.items()}
        self._session: int | None = None
        self._asked: dict[int, Brief | None] = {}  # begun and not planned: what its author was told

    def all(self) -> Replay:
        for event in self._recording.events:
            if event.session != self._session:
                self._new_session(event.session)
            changed = event in self._recording.changed
            with suppress(*([LookupError, ValueError, TypeError] if changed else [])):
                self._tell(event, self._steps[event.step])
            if changed:
                raise Difference(told(event))
        front = certified_again(self._recording, self._state)
        self._require_exhausted()
        certified, done = bool(self._recording.certified), self._state.steps
        counts = (done, self._state.begun - done, self._recording.evaluations, self.authors.answered)
        return Replay(*counts, tuple(front), certified)

    def _new_session(self, session: int | None) -> None:
        """Its driver asked again where the one before had no answer yet."""
        self._session = session
        self._planner.survey = self._recording.surveys.get(session)
        for number in self._asked:
            self._ask(self._recording.steps[number].step)

    def _tell(self, event: Event, each: Replayed) -> None:
        record, step = each.record, each.record.step
        if event.kind == BEGUN:
            require_equal(f"step {self._state.begun + 1}", step, self._next(record))
            self._state.begin(step)
            self._ask(step)
        elif event.kind == PLANNED:
            self._require_plan(record)
            self._state.plan(step, record.drafts, record.jobs)
        elif event.kind == JUDGED:
            for evaluation in each.judged(event.position):
                self._state.judge(step, evaluation.job, evaluation.verdict)
        else:
            require_equal(f"step {step.number}, archive", record.archive, self._state.archive.digest())
            self._state.finish(step, record.cost)

    def _next(self, record: StepRecord) -> Step | None:
        return self._state.scheduler.next(self._state.begun + 1, record.idle)

    def _ask(self, step: Step) -> None:
        """A brief is of the moment in which it is given."""
        self._asked[step.number] = self._planner.brief(step) if self.authors.again(step.author) else None

    def _require_plan(self, record: StepRecord) -> None:
        step, brief = record.step, self._asked.pop(record.step.number)
        if step.operator == TUNE:
            jobs = self._planner.tuning_jobs(step, record.wanted)
            require_equal(f"step {step.number}, configuration", record.jobs, jobs)
            return
        proposed = as_proposed(record, self._state)
        if brief is not None:
            proposed = self.authors.write(step, brief)
            if proposed is None and had_no_reply(record.drafts):
                proposed = record.drafts
            elif proposed is None:
                raise Difference(f"step {step.number}: the author had replies then, and has none now")
        drafts, jobs = self._planner.screen(step, proposed)
        require_equal(f"step {step.number}, draft", record.drafts, drafts)
        require_equal(f"step {step.number}, job", record.jobs, jobs)

    def _require_exhausted(self) -> None:
        """Where the campaign ended for want of ideas, there is none now."""
        lost = any(had_no_reply(each.record.drafts) for each in self._steps.values())
        if self._recording.why == EXHAUSTED and not lost and not self._asked:
            require_equal(f"step {self._state.begun + 1}", None, self._state.scheduler.next(self._state.begun + 1))
