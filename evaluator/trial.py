"""One candidate in its worker: every call is checked, and what was found is summed up."""

from __future__ import annotations

import secrets
from dataclasses import replace

import torch

from egg_search.core.verdict import Errors, Outcome, PrecisionClass
from evaluator.correctness.checks import EXACT, Finding
from evaluator.correctness.fresh import FreshCase
from evaluator.correctness.reference import OWN_INPUTS, Case, Reference, results_of
from evaluator.device.base import Call, Seat
from evaluator.isolation.failure import WorkerFailure
from evaluator.lazy import put_off
from evaluator.protocol.memory import same_bytes

NONDETERMINISTIC, LAYOUT = "nondeterministic", "layout"
_SHOWN = 4  # elements of a buffer
_PUT_OFF = f"{LAYOUT}: an output is a view of an argument, or overlaps, where eager's does not; a copy of it counts"


class Trial:
    """Methods raise WorkerFailure as soon as the candidate fails in any way."""

    def __init__(self, seat: Seat, accept: PrecisionClass, call_seconds: float, warm: int = 0) -> None:
        self.seat, self._accept, self._call_seconds = seat, accept, call_seconds
        self.warm = warm  # untimed calls before each call: all calls look the same
        self._verified: dict[int, tuple[Case, Call]] = {}  # right results on inputs that come again
        self.flags: set[str] = set()
        self.errors: Errors | None = None
        self.less_exact = ""  # the first case that is in the worst class of all, and why it is in no better one
        self.calls = 0
        self.full_checks = 0  # of outputs on fresh inputs that were not near eager's
        self._forwards: dict[int, int] = {}  # by model
        self._left: dict[int, dict[str, torch.Tensor]] = {}  # buffers after the first call, where eager changes any

    def call(self, case: Case | FreshCase, number: int = 0) -> Call:
        """One forward, and a check of all its outputs: against truth; against eager's when they are near those of a
        fresh case; bit by bit where they repeat checked ones. What they put off is part of its seconds."""
        warm = self.warm + secrets.randbelow(2) if self.warm else 0  # whoever counts calls does not know the timed ones
        call = self.seat.call(number, case.arguments, self._call_seconds, warm)
        self.calls += 1
        self.seat.seen.add(case.name)
        first = number not in self._forwards
        self._forwards[number] = self._forwards.get(number, 0) + call.forwards
        if first:
            self._check_buffers(case, number)
        known = self._verified.get(id(case))
        if known is None or not _equal(known[1], call):
            self._check(case, call, again=known is not None)
            if known is None and case.name == OWN_INPUTS and isinstance(case, Case):
                self._verified[id(case)] = case, call
        more = put_off(call.outputs, call.borrowed, case.shared)
        if more:
            self.flags.add(_PUT_OFF)
        return replace(call, seconds=call.seconds + more)

    def _check(self, case: Case | FreshCase, call: Call, again: bool) -> None:
        form = case.check_form(call.outputs, call.structure)
        if form is not None:
            raise WorkerFailure(form.outcome, form.reason)
        if wrongly := sorted(call.changed.keys() - case.changes.keys()):
            what = f"forward changes its input {wrongly[0]}, the Model does not"
            raise WorkerFailure(Outcome.WRONG_VALUES, f"{case.name}: {what}")
        decider = case.decider(results_of(case, call.outputs, call.changed), self.errors or EXACT)
        if decider is not None:
            self.full_checks += decider is not case
            names = [f"output {position}" for position in range(len(call.outputs))]
            names += [f"input {position} after forward" for position in decider.changes]
            findings = decider.check(results_of(decider, call.outputs, call.changed))
            for name, finding in zip(names, findings, strict=True):
                self._take(decider, name, finding, again)
        if again:
            self.flags.add(f"{NONDETERMINISTIC}: equal inputs give outputs that differ within the limit")

    def check_late_buffers(self, reference: Reference, number: int = 0) -> None:
        """After many calls: buffers that the Model changes in every call must not be as the first one left them, and
        those that count its calls must have counted them."""
        if number not in self._left:
            return
        first, forwards = self._left[number], self._forwards[number]
        now = self._buffers(number, {name: (value.shape, value.dtype) for name, value in first.items()})
        for name in reference.moving_buffers:
            if same_bytes(first[name], now[name]):
                reason = f"buffer {name} is as the first of {forwards} calls left it, the Model changes it in each"
                raise WorkerFailure(Outcome.WRONG_VALUES, reason)
        for name, value in reference.counting_buffers(forwards).items():
            if not torch.equal(now[name], value):
                reason = f"buffer {name} after {forwards} calls: {_short(now[name])}, expected {_short(value)}"
                raise WorkerFailure(Outcome.WRONG_VALUES, reason)

    def _check_buffers(self, case: Case | FreshCase, number: int) -> None:
        """What the first call of a model left in its buffers, e.g. the running statistics of a batch norm."""
        if case.buffers:
            forms = {name: (check.shape, check.dtype) for name, check in case.buffers.items()}
            self._left[number] = values = self._buffers(number, forms)
            for name, check in case.buffers.items():
                self._take(case, f"buffer {name} after forward", check(values[name]), again=False)

    def _buffers(self, number: int, forms: dict[str, tuple[tuple[int, ...], torch.dtype]]) -> dict[str, torch.Tensor]:
        values = self.seat.buffers(number, self._call_seconds, len(forms))
        for (name, form), value in zip(forms.items(), values, strict=True):
            if (tuple(value.shape), value.dtype) != (tuple(form[0]), form[1]):
                raise WorkerFailure(Outcome.WRONG_FORM, f"buffer {name} has another shape or dtype after forward")
        return dict(zip(forms, values, strict=True))

    def _take(self, case: Case, name: str, finding: Finding, again: bool) -> None:
        where = f"{case.name}: {name}"
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
        if finding.errors.precision.rank > (self.errors or EXACT).precision.rank:
            self.less_exact = f"{where}: {finding.reason}"
        self.errors = _worst(self.errors, finding.errors, own=case.name == OWN_INPUTS)


def _short(value: torch.Tensor) -> str:
    """The first elements."""
    return str(value.flatten()[:_SHOWN].tolist() if value.dim() else value.item())


def _equal(first: Call, second: Call) -> bool:
    forms = [(len(each.outputs), each.changed.keys(), each.structure) for each in (first, second)]
    pairs = zip((*first.outputs, *first.changed.values()), (*second.outputs, *second.changed.values()), strict=False)
    return forms[0] == forms[1] and all(
        a.dtype == b.dtype and a.shape == b.shape and same_bytes(a, b) for a, b in pairs
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
