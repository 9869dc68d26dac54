"""What one pass over a journal adds up to: outcomes, niches, and what each operator and principle gained."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import exp

from egg_search.archive import AddStatus, Admission, Archive
from egg_search.core.verdict import Outcome
from egg_search.rundir import Evaluation, Reader, StepRecord
from operators.base import Draft


@dataclass
class Arm:
    """What a bandit's arm brought: its configurations, how many were new or better, and by how much in all."""

    configurations: int = 0
    added: int = 0
    gain: float = 0.0  # log of the speedup, summed

    @property
    def factor(self) -> float:
        return exp(self.gain)


@dataclass
class Tally:
    """The archive is rebuilt as the campaign had it: gains are the rewards that its scheduler was given."""

    archive: Archive
    steps: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    operators: dict[str, Arm] = field(default_factory=dict)
    principles: dict[str, Arm] = field(default_factory=dict)

    @classmethod
    def of(cls, reader: Reader, admits: Admission) -> Tally:
        tally, drafts = cls(Archive(admits)), {}
        for record in reader.steps():
            tally._read(record, drafts)
        return tally

    def _read(self, record: StepRecord, drafts: dict[str, Draft]) -> None:
        self.steps += 1
        for draft in record.drafts:
            if isinstance(draft, Draft):
                drafts.setdefault(draft.candidate.id, draft)
            else:
                self.refusals[draft.reason] += 1
        for evaluation in record.evaluations:
            if evaluation.verdict is not None:
                self._judge(record, evaluation, drafts[evaluation.job.candidate])

    def _judge(self, record: StepRecord, evaluation: Evaluation, draft: Draft) -> None:
        self.outcomes[evaluation.verdict.outcome] += 1
        added = self.archive.add(evaluation.job, draft.signature, evaluation.verdict)
        step = record.step
        operator = f"{step.operator} by {step.author}" if step.author else step.operator
        arms = [self.operators.setdefault(operator, Arm())]
        arms += [self.principles.setdefault(name, Arm()) for name in draft.principles]
        for arm in arms:
            arm.configurations += 1
            arm.added += added.status is not AddStatus.NOT_ADDED
            arm.gain += added.gain
