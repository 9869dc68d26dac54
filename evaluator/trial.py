"""One candidate in its worker: every call is checked, and what was found is summed up."""

from __future__ import annotations

from dataclasses import replace

import torch

from egg_search.core.verdict import Errors, Outcome, PrecisionClass
from evaluator.correctness.checks import EXACT, Finding
from evaluator.correctness.fresh import FreshCase
from evaluator.correctness.reference import OWN_INPUTS, Case
from evaluator.device.base import Call, Seat
from evaluator.isolation.failure import WorkerFailure
from evaluator.protocol.memory import same_bytes


class Trial:
    """Methods raise WorkerFailure as soon as the candidate fails in any way."""

    def __init__(self, seat: Seat, accept: PrecisionClass, call_seconds: float, warm: int = 0) -> None:
        self.seat, self._accept, self._call_seconds = seat, accept, call_seconds
        self.warm = warm  # untimed calls before each call: all calls look the same
        self._verified: dict[int, tuple[Case, list[torch.Tensor]]] = {}  # right outputs on inputs that come again
        self.flags: set[str] = set()
        self.errors: Errors | None = None
        self.calls = 0
        self.full_checks = 0  # of outputs on fresh inputs that were not near eager's
        self._called: set[int] = set()  # models

    def call(self, case: Case | FreshCase, number: int = 0) -> Call:
        """One forward, and a check of all its outputs: against truth; against eager's when they are near those of a
        fresh case; bit by bit where they repeat checked ones."""
        call = self.seat.call(number, case.arguments, self._call_seconds, self.warm)
        self.calls += 1
        if number not in self._called:
            self._called.add(number)
            self._check_buffers(case, number)
        known = self._verified.get(id(case))
        if known is None or not _equal(known[1], call.outputs):
            self._check(case, call, again=known is not None)
            if known is None and case.name == OWN_INPUTS and isinstance(case, Case):
                self._verified[id(case)] = case, call.outputs
        return call

    def _check(self, case: Case | FreshCase, call: Call, again: bool) -> None:
        form = case.check_form(call.outputs)
        if form is not None:
            raise WorkerFailure(form.outcome, form.reason)
        if case.keeps_inputs and not call.inputs_intact:
            raise WorkerFailure(Outcome.WRONG_VALUES, f"{case.name}: forward changes its input, the Model does not")
        decider = case.decider(call.outputs, self.errors or EXACT)
        if decider is not None:
            self.full_checks += decider is not case
            for position, finding in enumerate(decider.check(call.outputs)):
                self._take(decider, position, finding, again)
        if again:
            self.flags.add("nondeterministic: equal inputs give outputs that differ within the limit")

    def _check_buffers(self, case: Case | FreshCase, number: int) -> None:
        """What the first call of a model left in its buffers, e.g. the running statistics of a batch norm."""
        if not case.buffers:
            return
        values = self.seat.buffers(number, self._call_seconds)
        if len(values) != len(case.buffers):
            raise WorkerFailure(Outcome.PROTOCOL, f"{len(values)} buffers, expected {len(case.buffers)}")
        for (name, check), value in zip(case.buffers.items(), values, strict=True):
            same_form = tuple(value.shape) == check.shape and value.dtype == check.dtype
            finding = check(value) if same_form else None
            if finding is None or finding.outcome is not None:
                reason = finding.reason if finding else "another shape or dtype"
                raise WorkerFailure(Outcome.WRONG_VALUES, f"{case.name}: buffer {name} after forward: {reason}")

    def _take(self, case: Case, position: int, finding: Finding, again: bool) -> None:
        where = f"{case.name}: output {position}"
        if finding.outcome is not None:
            outcome = Outcome.NONDETERMINISTIC if again else finding.outcome
            prefix = "right before, now wrong: " if again else ""
            if not (finding.errors.precision is PrecisionClass.LOOSE and self._accept is PrecisionClass.LOOSE):
                raise WorkerFailure(outcome, f"{where}: {prefix}{finding.reason}")
        if finding.errors.precision.rank > self._accept.rank:
            raise WorkerFailure(
                Outcome.WRONG_VALUES,
                f"{where}: precision class {finding.errors.precision}, at least {self._accept} is wanted "
                f"(error in norm {finding.errors.norm:.3g}, eager's {finding.errors.eager_norm:.3g}): {finding.reason}",
            )
        self.flags.update(finding.flags)
        self.errors = _worst(self.errors, finding.errors, own=case.name == OWN_INPUTS)


def _equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return len(first) == len(second) and all(
        a.dtype == b.dtype and a.shape == b.shape and same_bytes(a, b) for a, b in zip(first, second, strict=True)
    )


def _worst(first: Errors | None, second: Errors, own: bool) -> Errors:
    """Class and limit ratio: the worst of all cases. The other numbers: the worst on the problem's own inputs, because
    on ill-conditioned ones they say more about the inputs than about the candidate."""
    if not own:
        second = replace(second, norm=0.0, worst=0.0, eager_norm=0.0)
    first = first or EXACT
    return Errors(
        norm=max(first.norm, second.norm),
        worst=max(first.worst, second.worst),
        limit_ratio=max(first.limit_ratio, second.limit_ratio),
        eager_norm=max(first.eager_norm, second.eager_norm),
        precision=max(first.precision, second.precision, key=lambda each: each.rank),
    )
