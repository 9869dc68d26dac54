"""The strict replay: every decision of a campaign is made again from what was known then, and must be the same."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from egg_search.archive import Elite
from egg_search.campaign.driver import EXHAUSTED
from egg_search.cluster import Workshop
from egg_search.core.step import TUNE, Step
from egg_search.replay.authors import Authors, had_no_reply
from egg_search.replay.certification import certified_again
from egg_search.replay.difference import Difference, require_equal
from egg_search.replay.recording import Recording
from egg_search.replay.refused import as_proposed
from egg_search.replay.tuning import Share, others, processes_for, require_tuned
from egg_search.replay.walk import Walk
from egg_search.rundir import BEGUN, DONE, PLANNED, Event, StepRecord
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


def replay(path: Path, authors: bool = False, workshop: Workshop | None = None, processes: int | None = None) -> Replay:
    """Raises Difference at the first thing that is not as recorded. `authors`: also run those again that compute.
    `processes`: None for as many as pay."""
    recording = Recording.open(path, workshop)
    processes = processes or processes_for(recording)
    with closing(Authors(recording, authors)) as made, others(path, workshop, processes) as pool:
        walk, differences = StrictWalk(recording, made, Share(0, processes)), []
        try:
            walk.run()
        except Difference as difference:
            differences.append(difference)
        differences += [found for each in pool if (found := each.result())]
        if differences:
            raise min(differences, key=lambda difference: difference.at)
        return walk.end()


class StrictWalk(Walk):
    """Looks at everything, of tuning at its share."""

    def __init__(self, recording: Recording, authors: Authors, share: Share) -> None:
        super().__init__(recording)
        self._authors, self._share = authors, share
        self._asked: dict[int, Brief | None] = {}  # begun and not planned: what its author was told

    def end(self) -> Replay:
        front = certified_again(self.recording, self.state)
        self._require_exhausted()
        done = self.state.steps
        counts = (done, self.state.begun - done, self.recording.evaluations, self._authors.answered)
        return Replay(*counts, tuple(front), bool(self.recording.certified))

    def new_session(self) -> None:
        """Its driver asked again where the one before had no answer yet."""
        for number in self._asked:
            self._ask(self.recording.steps[number].step)

    def look(self, event: Event, record: StepRecord) -> None:
        if event.kind == BEGUN:
            number = self.state.begun + 1
            require_equal(f"step {number}", record.step, self.state.scheduler.next(number, record.idle))
            self._ask(record.step)
        elif event.kind == PLANNED:
            self._look_at_plan(record, self._asked.pop(record.step.number))
        elif event.kind == DONE:
            require_equal(f"step {record.step.number}, archive", record.archive, self.state.archive.digest())

    def _ask(self, step: Step) -> None:
        """A brief is of the moment in which it is given."""
        self._asked[step.number] = self.planner.brief(step) if self._authors.again(step.author) else None

    def _look_at_plan(self, record: StepRecord, brief: Brief | None) -> None:
        step = record.step
        if step.operator == TUNE:
            if self._share.mine():
                require_tuned(self, record)
            return
        proposed = as_proposed(record, self.state)
        if brief is not None:
            proposed = self._authors.write(step, brief)
            if proposed is None and had_no_reply(record.drafts):
                proposed = record.drafts
            elif proposed is None:
                raise Difference(f"step {step.number}: the author had replies then, and has none now")
        drafts, jobs = self.planner.screen(step, proposed)
        require_equal(f"step {step.number}, draft", record.drafts, drafts)
        require_equal(f"step {step.number}, job", record.jobs, jobs)

    def _require_exhausted(self) -> None:
        """Where the campaign ended for want of ideas, there is none now."""
        lost = any(had_no_reply(record.drafts) for record in self.recording.steps.values())
        if self.recording.why == EXHAUSTED and not lost and not self._asked:
            number = self.state.begun + 1
            require_equal(f"step {number}", None, self.state.scheduler.next(number))
