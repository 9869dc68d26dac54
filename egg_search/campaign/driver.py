"""The driver: one loop over steps, each durable before it counts."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from math import exp

from egg_search.archive import BASELINE
from egg_search.campaign.asking import Asking
from egg_search.campaign.budget import Stopwatch
from egg_search.campaign.certify import certify
from egg_search.campaign.costs import Costs
from egg_search.campaign.events import Observer, Progress
from egg_search.campaign.interrupt import Interrupt
from egg_search.campaign.planning import Planner
from egg_search.campaign.settings import Settings
from egg_search.campaign.state import State
from egg_search.campaign.timers import Timers
from egg_search.cluster import Cluster, Proposal, Task
from egg_search.core.errors import UserError
from egg_search.core.step import TUNE, Job, Step
from egg_search.core.verdict import Verdict
from egg_search.rundir import Journal, StepRecord
from evaluator.settings import Effort
from operators.base import AuthorError, Draft, Refusal

_POLL_S = 0.05
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
        costs: Costs,
    ) -> None:
        self._settings, self._journal, self._state, self._planner = settings, journal, state, planner
        self._cluster, self._observer, self._interrupt = cluster, observer, interrupt
        self._watch = Stopwatch(journal.elapsed())
        self._timers, self._costs = Timers(cluster), costs
        self._waiting: deque[StepRecord] = deque()  # planned, and not judged to the end
        self._asking = Asking(cluster.aside)
        planner.in_words = cluster.aside

    def run(self, unfinished: Sequence[StepRecord]) -> None:
        """The whole session: baselines, search, certification. `unfinished` are the steps that an earlier one left."""
        self._observer.on_phase("measuring baselines")
        survey = self._cluster.survey()
        self._journal.open_session(survey)
        self._planner.survey = survey
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
        """Runs steps until it says why no more. While one is judged the next is planned and being built, as far as the
        cluster wants it, and authors that take their time are asked ahead."""
        for record in unfinished:
            if record.planned:
                self._waiting.append(record)
            else:
                self._ask(record.step)
        while not (why := self._over()):
            self._fill()
            if self._waiting:
                record = self._waiting.popleft()
                if self._judge(record):
                    self._finish(record.step)
            elif len(self._asking):
                time.sleep(_POLL_S)
            else:
                return EXHAUSTED
        return why

    def _fill(self) -> None:
        """Plans what has arrived, and begins as many steps as are wanted."""
        self._collect()
        while (idle := self._idle()) and (step := self._begin(idle)):
            self._ask(step)
            self._collect()

    def _idle(self) -> frozenset[str]:
        """Who may be given work: authors that take their time while they have some left; others, and tuning, while
        fewer steps wait than should. The first step is judged alone: others need a parent."""
        idle = self._asking.idle()
        first = self._waiting[0] if self._waiting else None
        untouched = first is not None and all(each.verdict is None for each in first.evaluations)
        ahead = self._state.steps > 0 and untouched and len(self._waiting) < self._cluster.lookahead
        others = {author for author in self._settings.authors if not self._asking.takes(author)}
        return idle | others | {TUNE} if first is None or ahead else idle

    def _over(self) -> str | None:
        if self._interrupt.asked:
            return INTERRUPTED
        if self._settings.budget_s is not None and self._watch.elapsed >= self._settings.budget_s:
            return "time is up"
        if self._settings.max_evaluations is not None and self._state.evaluations >= self._settings.max_evaluations:
            return "evaluations are used up"
        return None

    def _begin(self, idle: Collection[str]) -> Step | None:
        step = self._state.scheduler.next(self._state.begun + 1, idle)
        if step is None:
            return None
        self._journal.begin(step, idle)
        self._state.begin(step)
        self._observer.on_step(step)
        return step

    def _ask(self, step: Step) -> None:
        """Plans a step now, or has its author begin where that takes its time."""
        if step.operator == TUNE:
            wanted = step.limit * self._cluster.devices
            self._plan(step, [], self._planner.tuning_jobs(step, wanted), wanted)
            return
        proposal = self._cluster.propose(step.operator, self._planner.brief(step), step.author)
        if self._asking.takes(step.author):
            self._asking.add(step, proposal)
        else:
            self._take(step, proposal)

    def _collect(self) -> None:
        for step, proposal in self._asking.arrived():
            self._take(step, proposal)

    def _take(self, step: Step, proposal: Proposal) -> None:
        try:
            proposed = proposal()
        except AuthorError as error:
            proposed = self._without(step, error)
        self._plan(step, *self._planner.screen(step, proposed))

    def _without(self, step: Step, error: AuthorError) -> list[Refusal]:
        """A campaign goes on without an author that others can do without, or that has spent what it might; and says
        so. Raises UserError otherwise: it can be resumed."""
        alone = all(author == step.author for author in self._settings.authors)
        if not self._asking.takes(step.author) or (alone and not error.spent):
            raise UserError(f"author {step.author}: {error}") from None
        self._asking.retire(step.author)
        self._observer.on_author_lost(step.author, str(error))
        return [Refusal("no reply", f"{error}; not asked any more", step.operator, step.author, step.parent)]

    def _plan(
        self, step: Step, drafts: Sequence[Draft | Refusal], jobs: Sequence[Job], wanted: int | None = None
    ) -> None:
        """What of the author's drafts, or of the study's configurations, shall be judged."""
        self._journal.plan(step, drafts, jobs, wanted)
        self._state.plan(step, drafts, jobs)
        self._observer.on_drafts(step, drafts)
        self._cluster.prepare([self._task(job) for job in jobs])
        self._waiting.append(StepRecord.planned_now(step, drafts, jobs))

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
        timings = self._timers.lap()
        cost = self._costs.of(step, timings)
        self._journal.finish(step.number, self._watch.elapsed, timings, cost, self._state.archive.digest())
        self._state.finish(step, cost)
        self._observer.on_step_done(step, self._state.scheduler.report(), self._progress())

    def _task(self, job: Job) -> Task:
        return Task(self._state.drafts[job.candidate].candidate, job.configuration, Effort(job.effort))

    def _progress(self) -> Progress:
        return Progress(self._state.evaluations, self._watch.elapsed, dict(self._timers.total), self._costs.spent)

    def _best_ms(self) -> float | None:
        """What the best so far takes on this session's scale: an earlier one's may have had a slower machine."""
        best = self._state.archive.best()
        return self._eager_ms / exp(best.score) if best else None
