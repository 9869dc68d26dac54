"""The driver: one loop over steps, each durable before it counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from math import exp

from egg_search.archive import BASELINE
from egg_search.campaign.budget import Stopwatch
from egg_search.campaign.certify import certify
from egg_search.campaign.events import Observer, Progress
from egg_search.campaign.interrupt import Interrupt
from egg_search.campaign.planning import Planner
from egg_search.campaign.settings import Settings
from egg_search.campaign.state import State
from egg_search.campaign.timers import Timers
from egg_search.cluster import Cluster, Task
from egg_search.core.errors import UserError
from egg_search.core.step import TUNE, Job, Step
from egg_search.core.verdict import Verdict
from egg_search.rundir import Journal, StepRecord
from evaluator.settings import Effort
from operators.base import AuthorError

INTERRUPTED, EXHAUSTED = "interrupted", "nothing left to try"


class Driver:
    """One session of a campaign whose state was replayed from the journal."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        state: State,
        planner: Planner,
        cluster: Cluster,
        observer: Observer,
        interrupt: Interrupt,
    ) -> None:
        self._settings, self._journal, self._state, self._planner = settings, journal, state, planner
        self._cluster, self._observer, self._interrupt = cluster, observer, interrupt
        self._watch = Stopwatch(journal.elapsed())
        self._timers = Timers(cluster)

    def run(self, unfinished: Sequence[StepRecord]) -> None:
        """The whole session: baselines, search, certification. `unfinished` are the steps that an earlier one left."""
        self._observer.on_phase("measuring baselines")
        survey = self._cluster.survey()
        self._journal.open_session(survey)
        self._observer.on_survey(survey)
        self._watch, elapsed = Stopwatch(self._journal.elapsed()), self._journal.elapsed()
        self._timers.lap()
        self._eager_ms = survey.baselines_ms[BASELINE]
        if best := self._state.archive.best():
            self._observer.on_best(best)
        try:
            self._observer.on_phase("searching")
            why = self._search(unfinished)
            elapsed = self._watch.elapsed
            if why != INTERRUPTED:
                self._observer.on_phase("certifying")
                if not certify(self._state, self._cluster, self._journal, self._observer, self._interrupt):
                    why = INTERRUPTED
        except UserError as error:
            with suppress(UserError):  # a full disk takes no farewell either
                self._journal.close_session(str(error), elapsed)
            raise
        self._journal.close_session(why, elapsed)

    def _search(self, unfinished: Sequence[StepRecord]) -> str:
        """Runs steps until it says why no more. While one is judged, the next is planned and being built, as far as the
        cluster wants it."""
        waiting = deque(record if record.planned else self._plan(record.step) for record in unfinished)
        while not (why := self._over()):
            while self._wants_more(waiting) and (record := self._begin()):
                waiting.append(self._plan(record.step))
            if not waiting:
                return EXHAUSTED
            record = waiting.popleft()
            if self._judge(record):
                self._finish(record.step)
        return why

    def _wants_more(self, waiting: Sequence[StepRecord]) -> bool:
        """Whether another step is planned before the first of these is judged: decided by what the journal holds, so
        that a resumed campaign plans as it would have done. The first step is judged alone: others need a parent."""
        if not waiting:
            return True
        untouched = all(each.verdict is None for each in waiting[0].evaluations)
        return self._state.steps > 0 and untouched and len(waiting) < self._cluster.lookahead

    def _over(self) -> str | None:
        if self._interrupt.asked:
            return INTERRUPTED
        if self._settings.budget_s is not None and self._watch.elapsed >= self._settings.budget_s:
            return "time is up"
        if self._settings.max_evaluations is not None and self._state.evaluations >= self._settings.max_evaluations:
            return "evaluations are used up"
        return None

    def _begin(self) -> StepRecord | None:
        step = self._state.scheduler.next(self._state.begun + 1)
        if step is None:
            return None
        self._journal.begin(step, after=self._state.steps)
        self._observer.on_step(step)
        return StepRecord(step, planned=False)

    def _plan(self, step: Step) -> StepRecord:
        """Drafts from the author, or configurations from the study; and what of them shall be judged."""
        if step.operator == TUNE:
            drafts, jobs = [], self._planner.tuning_jobs(step, step.limit * self._cluster.devices)
        else:
            try:
                proposed = self._cluster.propose(step.operator, self._planner.brief(step), step.author)()
            except AuthorError as error:
                raise UserError(f"author {step.author}: {error}") from None
            drafts, jobs = self._planner.screen(step, proposed)
        self._journal.plan(step, drafts, jobs)
        self._state.plan(step, drafts, jobs)
        self._observer.on_drafts(step, drafts)
        self._cluster.prepare([self._task(job) for job in jobs])
        return StepRecord.planned_now(step, drafts, jobs)

    def _judge(self, record: StepRecord) -> bool:
        """Judges what has no verdict yet; verdicts count in the order of positions. False when it had to stop before
        the end."""
        waiting = [evaluation for evaluation in record.evaluations if evaluation.verdict is None]
        tasks = [self._task(evaluation.job) for evaluation in waiting]
        arrived = {each.position: each.verdict for each in record.evaluations if each.verdict is not None}
        absorbed = len(record.settled)
        for index, verdict in self._cluster.judge(tasks, self._best_ms) if tasks else ():
            position = waiting[index].position
            self._journal.record(record.step.number, position, verdict)
            arrived[position] = verdict
            while absorbed in arrived:
                self._absorb(record.step, record.evaluations[absorbed].job, arrived[absorbed])
                absorbed += 1
            if absorbed < len(record.evaluations) and self._over():
                return False
        return True

    def _absorb(self, step: Step, job: Job, verdict: Verdict) -> None:
        before = self._state.archive.best()
        added = self._state.judge(step, job, verdict)
        self._observer.on_verdict(step, job, verdict, added.status, self._progress())
        best = self._state.archive.best()
        if best is not before:
            self._observer.on_best(best)

    def _finish(self, step: Step) -> None:
        self._state.finish(step)
        self._journal.finish(step.number, self._watch.elapsed, self._timers.lap())
        self._observer.on_step_done(step, self._state.scheduler.report(), self._progress())

    def _task(self, job: Job) -> Task:
        return Task(self._state.drafts[job.candidate].candidate, job.configuration, Effort(job.effort))

    def _progress(self) -> Progress:
        return Progress(self._state.evaluations, self._watch.elapsed, dict(self._timers.total))

    def _best_ms(self) -> float | None:
        """What the best so far takes on this session's scale: an earlier one's may have had a slower machine."""
        best = self._state.archive.best()
        return self._eager_ms / exp(best.score) if best else None
