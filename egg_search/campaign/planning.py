"""From a step to its brief, and from drafts to jobs. Pure: everything comes from the state and the seed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from egg_search.archive import Elite
from egg_search.campaign.settings import Settings
from egg_search.campaign.state import State
from egg_search.core.candidate import Candidate
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Configuration
from egg_search.core.problem import Problem
from egg_search.core.step import STAGE_ONE, TUNE, Job, Step, configuration_key, derive_seed
from egg_search.core.survey import Survey
from egg_search.tuning import by_roles, inherit
from evaluator.settings import Effort
from operators.base import Brief, Draft, Refusal
from principles.library import Library

SAME = "the same candidate was there before"
Proposed = Sequence[Draft | Refusal]


class Planner:
    def __init__(
        self, settings: Settings, problem: Problem, hardware: Hardware, library: Library, state: State
    ) -> None:
        self._seed, self._problem, self._hardware = settings.seed, problem, hardware
        self._accept = settings.precision
        self.survey: Survey | None = None  # of this session, once it is known
        self.in_words: Collection[str] = ()  # authors that reason so
        self._library, self._state = library, state

    def brief(self, step: Step) -> Brief:
        """What the step's author is given. The parent comes with its best configuration, or with how it failed."""
        parent = self._state.drafts[step.parent].candidate if step.parent else None
        configuration, verdict = {}, None
        if step.operator == "repair":
            job, verdict = self._state.failed[step.parent]
            configuration = dict(job.configuration)
        elif step.parent in self._state.best:
            elite = self._state.best[step.parent]
            configuration, verdict = dict(elite.job.configuration), elite.verdict
        return Brief(
            operator=step.operator,
            problem=self._problem,
            hardware=self._hardware,
            dialect=step.dialect,
            seed=derive_seed(self._seed, step.number, "author"),
            parent=parent,
            configuration=configuration,
            verdict=verdict,
            lever=step.lever,
            principles=tuple(self._library[name] for name in step.principles),
            known_signatures=self._state.archive.signatures(),
            tried=self._state.attempts(step.parent),
            limit=step.limit,
            accept=self._accept,
            library=self._library,
            **self._told(step, parent),
        )

    def _told(self, step: Step, parent: Candidate | None) -> dict[str, Any]:
        """What authors that reason in words are told besides: others have no use for it."""
        if step.author not in self.in_words:
            return {}
        handoff = self._state.handoff(parent.id) if parent and step.operator != "repair" else None
        return {
            "step": step.number,
            "preference": step.preference,
            "known": self._state.known() if step.operator in STAGE_ONE else (),
            "handoff": handoff,
            "survey": self.survey,
            "repairs": self._state.repairs(step.parent),
            **_reach(self.survey),
        }

    def screen(self, step: Step, proposed: Proposed) -> tuple[list[Draft | Refusal], list[Job]]:
        """Refuses drafts that exist already or that no configuration saves from the constraints; the rest become jobs.

        New structures are checked: screening is for those that were, to the end.
        """
        checked: list[Draft | Refusal] = []
        jobs: dict[str, Job] = {}
        for draft in proposed:
            if isinstance(draft, Draft):
                job = self._job(draft)
                if draft.candidate.id in self._state.drafts or draft.candidate.id in jobs:
                    draft = _refusal(draft, SAME)
                elif isinstance(job, str):
                    draft = _refusal(draft, job)
                else:
                    jobs[job.candidate] = job
            checked.append(draft)
        return checked, list(jobs.values())

    def tuning_jobs(self, step: Step, count: int, among: Collection[str] | None = None) -> list[Job]:
        """New configurations of the step's parent; none when its space is exhausted. `among`: only these, as
        `configuration_key` writes them."""
        candidate = self._state.drafts[step.parent].candidate
        study = self._state.study(candidate.id)
        found = study.ask(
            count,
            derive_seed(self._seed, step.number, TUNE),
            allowed=lambda configuration: (
                (among is None or configuration_key(configuration) in among)
                and not self._state.violations(candidate, configuration)
            ),
            first=self._suggestions(candidate.id),
            lever=step.lever,
        )
        effort = self._effort(self._state.drafts[step.parent].signature)
        return [Job(candidate.id, configuration, effort) for configuration in found]

    def _effort(self, signature: str) -> Effort:
        """A structure that has only lost so far was not checked to the end."""
        return Effort.SCREEN if signature in self._state.proven else Effort.CHECK

    def _job(self, draft: Draft) -> Job | str:
        """The first of inherited and default configuration that keeps the constraints, or why there is none."""
        candidate = draft.candidate
        inherited = self._inherited(draft)
        tried = [inherited] if inherited else []
        tried.append(candidate.default_configuration)
        for configuration in tried:
            broken = self._state.violations(candidate, configuration)
            if not broken:
                return Job(candidate.id, configuration, self._effort(draft.signature))
        return broken[0]

    def _suggestions(self, candidate_id: str) -> list[Configuration]:
        """The parent's best, or without one the author's default; and what the best of other candidates liked."""
        draft = self._state.drafts[candidate_id]
        knobs = draft.candidate.knobs
        first: list[Configuration] = [self._inherited(draft) or draft.candidate.default_configuration]
        others = sorted(self._state.archive, key=lambda elite: -elite.score)
        liked = [e.job for e in others if e.job.candidate != candidate_id and self._is_tuned(e)]
        if liked:
            votes = ((self._state.drafts[job.candidate].candidate.knobs, job.configuration) for job in liked)
            first.append(by_roles(knobs, votes))
        return first

    def _inherited(self, draft: Draft) -> Configuration | None:
        if draft.parent not in self._state.best:
            return None
        parent = self._state.drafts[draft.parent].candidate
        return inherit(parent.knobs, self._state.best[draft.parent].job.configuration, draft.candidate.knobs)

    def _is_tuned(self, elite: Elite) -> bool:
        return self._state.study(elite.job.candidate).scored >= 3


def _refusal(draft: Draft, reason: str) -> Refusal:
    about = (draft.operator, draft.author, draft.parent, draft.candidate.source, draft.model)
    return Refusal(draft.change, reason, *about)


def _reach(survey: Survey | None) -> dict[str, Any]:
    """The problem's least work and the GPU's ceilings, where they are known."""
    if survey is None or survey.roofline is None:
        return {}
    from evaluator.roofline.ceilings import Ceilings  # imports torch
    from evaluator.roofline.work import LeastWork

    ceilings = Ceilings.from_json(survey.roofline["ceilings"])
    return {"work": LeastWork(**survey.roofline["work"]), "ceilings": ceilings}
