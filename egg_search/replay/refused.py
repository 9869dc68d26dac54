"""Recorded drafts as their author proposed them: what the campaign itself refused is a draft again."""

from __future__ import annotations

from contextlib import suppress

from egg_search.campaign.planning import SAME
from egg_search.campaign.state import State
from egg_search.core.candidate import Candidate, CandidateError
from egg_search.rundir import StepRecord
from operators.base import Draft, Refusal


def as_proposed(record: StepRecord, state: State) -> list[Draft | Refusal]:
    """To be screened again: that must refuse the same."""
    return [_proposed(each, record, state) for each in record.drafts]


def _proposed(draft: Draft | Refusal, record: StepRecord, state: State) -> Draft | Refusal:
    if isinstance(draft, Draft) or record.step.dialect is None:
        return draft
    with suppress(CandidateError):
        candidate = Candidate(draft.source, record.step.dialect)
        reasons = [SAME, *state.violations(candidate, candidate.default_configuration)]
        if draft.reason in reasons:
            about = (draft.operator, draft.author, draft.parent)
            return Draft(candidate, "", draft.change, *about, model=draft.model)
    return draft
