"""The driver: one loop over steps, each durable before it counts."""

from __future__ import annotations

import time
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
from egg_search.campaign.turns import Turns
from egg_search.cluster import Cluster, Proposal, Task
from egg_search.core.errors import UserError
from egg_search.core.step import TUNE, Job, Step
from egg_search.core.verdict import Verdict
from egg_search.rundir import Journal
from evaluator.settings import Effort
from operators.base import AuthorError, Draft, Refusal

_POLL_S = 0.05
_MOST_STEPS = 8  # at a time: decisions should know what came of those before
INTERRUPTED, EXHAUSTED = "interrupted", "nothing left to try"


class Driver:
    """One session of a campaign whose state was replayed from the journal."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        state: State,
        turns: Turns,
        planner: Planner,
        cluster: Cluster,
        observer: Observer,
        interrupt: Interrupt,
        costs: Costs,
    ) -> None:
        self._settings, self._journal, self._state, self._turns = settings, journal, state, turns
        self._planner, self._cluster, self._observer, self._interrupt = planner, cluster, observer, interrupt
        self._watch = Stopwatch(journal.elapsed())
        self._timers, self._costs = Timers(cluster), costs
        self._asking = Asking(cluster.aside)
        planner.in_words = cluster.aside

    def run(self, unplanned: Sequence[Step]) -> None:
        """The whole session: baselines, search, certification. `unplanned` are the steps that an earlier one began and
        left."""
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
            why = self._search(unplanned)
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

    def _search(self, unplanned: Sequence[Step]) -> str:
        """Takes verdicts until it says why no more. While tasks are measured, further steps are planned and built, as
        far as the cluster wants them, and authors are at work."""
        for number, position, job in self._turns.waiting():
            self._cluster.submit((number, position), self._task(job))
        for step in unplanned:
            self._ask(step)
        while True:
            self._settle()
            if why := self._over():
                return why
            self._fill()
            if self._turns.waiting():
                self._take_verdict()
            elif len(self._asking):
                self._await_authors()
            else:
                return EXHAUSTED

    def _await_authors(self) -> None:
        time.sleep(_POLL_S)
        if not all(map(self._asking.takes, self._asking.busy())):  # others count their own time
            self._cluster.seconds["author"] += _POLL_S

    def _take_verdict(self) -> None:
        (step, position), verdict = self._cluster.take(self._best_ms)
        self._journal.record(step, position, verdict)
        self._turns.arrived(step, position, verdict)

    def _settle(self) -> None:
        """Lets verdicts count, and ends the steps that are judged to the end."""
        while True:
            for each in self._turns.counting():
                self._absorb(*each)
            if (step := self._turns.over()) is None:
                return
            self._finish(step)

    def _fill(self) -> None:
        """Plans what has arrived, and begins as many steps as are wanted."""
        self._collect()
        while (idle := self._idle()) and (step := self._begin(idle)):
            self._ask(step)
            self._collect()
            self._settle()  # nothing may come of a step

    def _idle(self) -> frozenset[str]:
        """Who may be given work: authors that take their time while they have some left; others, and tuning, while
        fewer tasks are under way than should be. After every writer's first structures, those of the first are judged
        before anything else: the rest needs a parent."""
        idle = self._asking.idle()
        enough = self._turns.uncounted >= self._cluster.ahead or len(self._turns) >= _MOST_STEPS
        orphaned = self._state.steps == 0 and self._state.begun >= len(self._state.writers)
        if enough or (orphaned and len(self._turns)):
            return idle
        busy = self._asking.busy()
        others = (name for name in self._settings.authors if not (self._asking.takes(name) or busy[name]))
        return idle.union(others, [TUNE])

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
        if self._asking.takes(step.author) or self._turns.waiting():  # else there is nothing to do meanwhile
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
        self._turns.add(step, jobs)
        for position, job in enumerate(jobs):
            self._cluster.submit((step.number, position), self._task(job))

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
