"""What a campaign knows, as a function of its journal: archive, studies, candidates, scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import exp
from typing import Any

from egg_search.archive import AddResult, Archive, Elite, gained, score
from egg_search.campaign.settings import Settings
from egg_search.campaign.turns import Turns
from egg_search.cluster import is_infrastructure
from egg_search.cluster.workshop import LED
from egg_search.core.candidate import CandidateError
from egg_search.core.hardware import Hardware
from egg_search.core.signature import structure
from egg_search.core.step import STAGE_ONE, TUNE, Job, Step
from egg_search.core.verdict import Verdict
from egg_search.rundir import BEGUN, DONE, PLANNED, Event, StepRecord
from egg_search.schedulers import SCHEDULERS, Feedback, Menu, Result
from egg_search.schedulers.bandit import Prior
from egg_search.tuning import Study
from evaluator.settings import Effort
from operators.base import Attempt, Draft, Known, Refusal
from operators.handoff import Handoff, hand_off
from principles.library import Library
from principles.model import Principle

REMEMBERED = 16  # attempts on one parent that its next author is told of


class State:
    """Told of every step: `begin`, `plan`, `judge` for each verdict in the order of positions, `finish`. Others may
    begin and be planned meanwhile, and overtake it."""

    def __init__(
        self,
        settings: Settings,
        hardware: Hardware,
        library: Library,
        operators: tuple[str, ...],
        priors: Mapping[str, Prior] | None = None,
    ) -> None:
        self.archive = Archive(settings.admission)
        self.drafts: dict[str, Draft] = {}  # by candidate
        self.best: dict[str, Elite] = {}  # a candidate's own best
        self.failed: dict[str, tuple[Job, Verdict]] = {}  # a candidate's last failure
        self.started: dict[str, float] = {}  # what a candidate's first verdict gained over its parent's best, if any
        self.proven: set[str] = set()  # structures that were checked to the end
        self.evaluations = 0
        self.steps = 0  # finished ones
        self.begun = 0  # the number of the last one
        self._settings, self._hardware, self._library = settings, hardware, library
        self._studies: dict[str, Study] = {}
        self._attempts: dict[str | None, list[Attempt]] = {}
        self._results: list[Result] = []
        self._refused: dict[int, tuple[str, ...]] = {}  # models, by step that is not finished
        self.writers = settings.writers(hardware)
        menu = Menu(operators, self.writers, self.applicable, settings.batch, led=LED, priors=priors or {})
        self.scheduler = SCHEDULERS[settings.scheduler](menu, settings.seed)

    def replay(self, records: Iterable[StepRecord], events: Iterable[Event]) -> tuple[Turns, list[Step]]:
        """Tells all that a journal holds as it happened. Returns the planned steps that are not done, and those that
        are not planned."""
        known, turns = {record.step.number: record for record in records}, Turns()
        for event in events:
            self.tell(event, known[event.step], turns)
        return turns, [record.step for record in known.values() if not record.planned]

    def tell(self, event: Event, record: StepRecord, turns: Turns) -> None:
        """Goes on as it once did; `record` is that of the event's step."""
        if event.kind == BEGUN:
            self.begin(record.step)
        elif event.kind == PLANNED:
            self.plan(record.step, record.drafts, record.jobs)
        elif event.kind == DONE:
            self.finish(record.step, record.cost)
        turns.follow(event, record)
        for each in turns.counting():
            self.judge(*each)

    def begin(self, step: Step) -> None:
        """A step is under way; its author may take a while."""
        self.begun = max(self.begun, step.number)
        self.scheduler.begin(step)

    def plan(self, step: Step, drafts: Sequence[Draft | Refusal], jobs: Sequence[Job]) -> None:
        self._refused[step.number] = tuple(each.model for each in drafts if isinstance(each, Refusal))
        for draft in drafts:
            if isinstance(draft, Draft):
                self.drafts[draft.candidate.id] = draft
            else:
                told = f"refused: {draft.reason}"
                self._remember(draft.parent, Attempt(draft.change, None, told, None, draft.operator))
        for job in jobs:
            self.study(job.candidate).asked(job.configuration)
        self.scheduler.plan(step, len(jobs))

    def judge(self, step: Step, job: Job, verdict: Verdict) -> AddResult:
        """Adds the verdict to archive and study; the scheduler is told when the step is finished. What is right but
        does not count in this campaign is a refusal here, whatever the journal says of it."""
        verdict = self._settings.admission.as_seen(verdict)
        self.evaluations += 1
        draft = self.drafts[job.candidate]
        if step.operator != TUNE:
            self._remember(draft.parent, self._attempt(draft, verdict))
            parent = self.best.get(draft.parent or "")
            self.started[job.candidate] = gained(verdict, parent and parent.verdict) if verdict.ok else 0.0
        added = self.archive.add(job, draft.signature, verdict)
        value = score(verdict) if verdict.ok else None
        if not is_infrastructure(verdict):
            self.study(job.candidate).tell(job.configuration, value)
        if verdict.ok and job.effort != Effort.SCREEN and not verdict.timing.stopped_early:
            self.proven.add(draft.signature)
        if not verdict.ok:
            self.failed[job.candidate] = job, verdict
        elif job.candidate not in self.best or score(verdict) > self.best[job.candidate].score:
            self.best[job.candidate] = Elite(job, draft.signature, verdict)
        at_fault = not is_infrastructure(verdict)
        dialect = draft.candidate.dialect
        self._results.append(Result(job.candidate, draft.signature, dialect, value, added.gain, at_fault))
        return added

    def finish(self, step: Step, cost: float) -> None:
        """`cost` as the journal has it: see `Costs`."""
        results, self._results = tuple(self._results), []
        drafts = {result.candidate: self.drafts[result.candidate] for result in results}
        principles = {candidate: draft.principles for candidate, draft in drafts.items()}
        models = {candidate: draft.model for candidate, draft in drafts.items()}
        refused = self._refused.pop(step.number, ())
        self.scheduler.observe(step, Feedback(results, principles, cost, models, refused))
        self.steps += 1

    def study(self, candidate: str) -> Study:
        if candidate not in self._studies:
            self._studies[candidate] = Study(self.drafts[candidate].candidate.knobs)
        return self._studies[candidate]

    def attempts(self, parent: str | None) -> tuple[Attempt, ...]:
        return tuple(self._attempts.get(parent, ()))

    def known(self) -> tuple[Known, ...]:
        """The structures of the archive, best first."""
        best: dict[str, Elite] = {}
        for elite in sorted(self.archive, key=lambda elite: -elite.score):
            best.setdefault(elite.signature, elite)
        drafts = ((self.drafts[elite.job.candidate], elite) for elite in best.values())
        return tuple(Known(elite.signature, draft.change, _lines(draft), exp(elite.score)) for draft, elite in drafts)

    def handoff(self, candidate: str) -> Handoff | None:
        """What was decided of a candidate, for the stage that goes on with it; None where it has no structure."""
        draft, best = self.drafts[candidate], self.best.get(candidate)
        configuration, verdict = (best.job.configuration, best.verdict) if best else (None, None)
        importances = self._studies[candidate].importances() if candidate in self._studies else {}
        before = self.attempts(draft.parent)
        with suppress(CandidateError):
            return hand_off(draft.candidate, draft.change, configuration, verdict, before, importances)
        return None

    def repairs(self, candidate: str | None) -> int:
        """How many repairs in a row led to it."""
        count = 0
        while candidate in self.drafts and self.drafts[candidate].operator == "repair":
            count, candidate = count + 1, self.drafts[candidate].parent
        return count

    def applicable(self, operator: str, candidate: str | None) -> list[str]:
        """Names of principles for an operator: a lever's own, or those on structure. What can only be less exact than
        this campaign accepts is left out: its candidates would be measured in vain."""
        if operator == "repair":
            return []
        group = "structure" if operator in STAGE_ONE else operator
        if candidate is None:
            return [each.name for each in self._library if each.group == group and self._accepts(each)]
        written = self.drafts[candidate].candidate
        found = self._library.applicable(written.facts, self._hardware, written.dialect, group)
        return list(dict.fromkeys(principle.name for principle, _ in found if self._accepts(principle)))

    def _accepts(self, principle: Principle) -> bool:
        return principle.precision.rank <= self._settings.precision.rank

    def violations(self, candidate: Any, configuration: Any) -> list[str]:
        return self._library.violations(candidate, configuration, self._hardware)

    def _attempt(self, draft: Draft, verdict: Verdict) -> Attempt:
        parent = self.best.get(draft.parent or "")
        speedup = exp(score(verdict) - parent.score) if parent and verdict.ok else None
        outcome = verdict.outcome if verdict.ok else f"{verdict.outcome}: {verdict.reason}"
        return Attempt(draft.change, ", ".join(draft.principles) or None, outcome, speedup, draft.operator)

    def _remember(self, parent: str | None, attempt: Attempt) -> None:
        self._attempts[parent] = [*self._attempts.get(parent, ()), attempt][-REMEMBERED:]


def _lines(draft: Draft) -> tuple[str, ...]:
    with suppress(CandidateError):
        return structure(draft.candidate.source, draft.candidate.dialect)
    return ()
