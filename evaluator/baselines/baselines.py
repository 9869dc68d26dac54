"""Baselines: eager and the device's variants of it, such as torch.compile, each in a worker that stays alive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome
from evaluator.correctness.cases import CaseBook
from evaluator.correctness.fresh import FreshCase
from evaluator.correctness.reference import Case, results_of
from evaluator.device.base import Call, Device, Rights, Seat, Variant
from evaluator.gate import Gate
from evaluator.isolation.failure import WorkerFailure
from evaluator.protocol.memory import same_bytes
from evaluator.settings import EvaluatorSettings
from evaluator.timing.samples import Samples
from evaluator.timing.session import Goal, run_session
from evaluator.timing.statistics import margin_of
from evaluator.worker.models import ModelSpec

_ALONGSIDE = (
    "kernels of several processes run on this GPU at once, so that no time of one can be trusted: "
    "stop NVIDIA's multi-process service (MPS)"
)
Result = TypeVar("Result")
_AS_SHIPPED = Variant({})
EAGER, _TWIN = "eager", "eager twin"
_COMPILER_MEMORY = 3  # times a model's
_WARM_SECONDS, _MAX_WARM = 0.002, 5  # short calls are timed right after untimed ones, as in a loop
# On a GPU one is made before all but very long calls: it tells what it takes to launch a call, at which a process that
# was stopped is slow.
_LONG_SECONDS = 0.02


def warm_calls(eager_seconds: float, place: str) -> int:
    """Untimed calls before each call of a model, the baselines' and a candidate's alike. `place`: see `Device`."""
    least = 1 if place != "cpu" and eager_seconds < _LONG_SECONDS else 0
    return min(_MAX_WARM, max(least, round(_WARM_SECONDS / eager_seconds)))


class Baselines:
    """`milliseconds` by name, from one long session at the start; `margin` is that session's A/A margin, `beside` what
    is seen on the device beside a call (see `Goal`). A baseline that fails or computes something else is in `failures`
    with the reason; eager must not fail."""

    def __init__(
        self,
        book: CaseBook,
        spec: ModelSpec,
        device: Device,
        memory_bytes: int,
        environment: dict[str, str],
        rights: Rights,
        gate: Gate,
        settings: EvaluatorSettings,
    ) -> None:
        self._book, self._spec, self._device, self._settings = book, spec, device, settings
        self._memory_bytes, self._environment, self._rights, self._gate = memory_bytes, environment, rights, gate
        self._first = [book.shipped(0), book.shipped(1)]
        self._seats: dict[str, Seat] = {}
        self._results: dict[str, list[torch.Tensor]] = {}  # of the same call, while they are started
        self._same: dict[str, str] = {}  # a variant that is the same program as another one
        self._asked = EAGER  # whose call is the last one
        self.failures: dict[str, str] = {}
        self._random = np.random.default_rng()

    def start(self) -> None:
        """Starts the workers and makes their first calls. May run beside other use of the case book. Raises UserError
        when eager fails there, also when the machine forbids to read a worker's memory."""
        with self._gate.shared():
            wanted = {name: each for name, each in self._device.variants.items() if self._is_wanted(each)}
            compiled = [name for name, each in wanted.items() if each.changes.get("compiled")]
            self._start_all([EAGER, *(name for name in wanted if name not in compiled)])
            left = [name for name in compiled if not self._is_told(name)]
            self._start_all([name for name in left if not wanted[name].on_request])
            for name in left:  # one after the other: they choose kernels by their times
                if wanted[name].on_request:
                    self._start(name)

    def _is_wanted(self, variant: Variant) -> bool:
        settings = self._settings
        if variant.on_request:
            return settings.max_autotune
        return settings.torch_compile or not variant.changes.get("compiled")

    def _is_told(self, name: str) -> bool:
        """Whether it is the same program as another one, which is known without starting it."""
        variant = self._device.variants[name]
        if variant.told_by and all(other in self._same for other in variant.told_by):
            self._same[name] = variant.like
        return name in self._same

    @property
    def names(self) -> list[str]:
        """Those that are timed."""
        return list(self._seats)

    def program(self, name: str) -> str:
        """The baseline that is timed for this one: itself, or one that does the same."""
        return self._same.get(name, name)

    @property
    def anchor(self) -> str:
        """The fastest baseline."""
        return min(self._seats, key=self.milliseconds.__getitem__)

    @property
    def warm(self) -> int:
        """Untimed calls before each timed one."""
        return warm_calls(self.eager_seconds, self._device.place)

    def time(self, name: str, case: Case | FreshCase) -> Call:
        """One call. A baseline that was killed is started again, once. Raises UserError when it cannot:
        no candidate is to blame."""
        return self._revived(name, lambda: self._call(name, case))

    def null(self) -> Call:
        """A call that computes nothing, in eager's worker: a candidate has no influence on it. Raises
        as `time` does."""
        return self._revived(EAGER, self._null)

    def _revived(self, name: str, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except WorkerFailure:
            self._seats[name].close()
            self._start(name)
        try:
            return call()
        except WorkerFailure as failure:
            reason = self.failures.get(name, failure.reason)
            raise UserError(f"baseline {name} died and does not start again: {reason}") from None

    def close(self) -> None:
        for seat in self._seats.values():
            seat.close()
        self._seats = {}

    def _call(self, name: str, case: Case | FreshCase) -> Call:
        self._asked = name
        return self._seats[name].call(0, case.arguments, self._settings.compile_seconds, self.warm)

    def _null(self) -> Call:
        self._asked = EAGER
        return self._seats[EAGER].null()

    def _start_all(self, names: list[str]) -> None:
        """Beside each other where the device allows it, up to their first calls: those need it for themselves; one
        after the other where it has no room for them."""
        if not self._device.beside:
            for name in names:
                self._start(name)
            return
        with ThreadPoolExecutor(max(1, len(names))) as pool:
            state = self._book.references[0].state
            loading = {name: pool.submit(self._loaded, name, state, beside=True) for name in names}
        loaded = {name: each.result() for name, each in loading.items() if each.exception() is None}
        crowded = any(map(_is_full, (each.exception() for each in loading.values())))
        try:
            if crowded:
                self._close_idle(loaded)
            for name in names:
                self._start(name, None if crowded else loading[name].result)
        finally:
            self._close_idle(loaded)

    def _close_idle(self, loaded: dict[str, Seat]) -> None:
        for seat in loaded.values():
            if seat not in self._seats.values():
                seat.close()
        self._device.settle()

    def _start(self, name: str, loaded: Callable[[], Seat] | None = None) -> None:
        """Makes the first calls of the worker for `name`, in which torch.compile compiles, and which is started where
        it is not `loaded`."""
        try:
            seat = loaded() if loaded else self._loaded(name, self._book.references[0].state)
            self._admit(name, seat)
        except WorkerFailure as failure:
            if name in (EAGER, _TWIN) and _is_full(failure) and self.leave_one_out():
                self._start(name)
                return
            if not self._variant(name).changes:
                raise UserError(f"the problem's own Model fails in a worker: {failure.reason}") from None
            self.failures[name] = failure.reason

    def make_room(self, size: int) -> None:
        """Leaves variants out until a candidate finds so many bytes on the device, or only eager is left."""
        while not self._device.has_room(size) and self.leave_one_out():
            pass

    def leave_one_out(self) -> bool:
        """Gives the room of one variant back, if there are any; torch.compile's go last."""
        left = [name for name in self._seats if name != EAGER]
        if left:
            self._seats.pop(left[0]).close()
            self._device.settle()
            self.failures[left[0]] = "left out: the device has no room for so many copies of the model at work"
        return bool(left)

    def _loaded(self, name: str, state: dict[str, torch.Tensor], beside: bool = False) -> Seat:
        variant = self._variant(name)
        memory = self._memory_bytes * (_COMPILER_MEMORY if variant.changes.get("compiled") else 1)
        seat = self._device.open(memory, self._environment, self._rights)
        what = 0, replace(self._spec, **variant.changes), state, self._settings.load_seconds
        try:
            if beside:
                seat.load_beside(*what, self._first[0].arguments, self._first_seconds(variant))
            else:
                seat.load(*what)
        except BaseException:
            seat.close()
            raise
        return seat

    def _admit(self, name: str, seat: Seat) -> None:
        """Raises WorkerFailure, with the worker closed, where it fails or computes something else than eager."""
        variant = self._variant(name)
        for case in (*self._first, self._first[0]):
            last = seat.call(0, case.arguments, self._first_seconds(variant))
            fault = _fault(case, last) if variant.changes else ""
            if fault:
                seat.close()
                raise WorkerFailure(Outcome.WRONG_VALUES, fault)
        self._results[name] = last.outputs
        if self._is_like(name, variant):
            seat.close()
            self._same[name] = variant.like
            return
        self._seats[name] = seat
        if name == EAGER:
            self.eager_seconds = last.seconds

    def _variant(self, name: str) -> Variant:
        return self._device.variants.get(name, _AS_SHIPPED)

    def _first_seconds(self, variant: Variant) -> float:
        return self._settings.autotune_seconds if variant.on_request else self._settings.compile_seconds

    def _is_like(self, name: str, variant: Variant) -> bool:
        """Whether it computes, bit by bit, what another one does: then it is that one."""
        known = self._results.get(variant.like or "")
        return known is not None and all(map(same_bytes, self._results[name], known))

    def calibrate(self) -> None:
        """After `start`: a session of every baseline and of a second eager; the ratio of the two is the A/A margin.
        A variant that dies meanwhile is left out."""
        self._start(_TWIN)
        try:
            samples = self._session()
        except WorkerFailure as failure:
            self._go_on_without(self._asked, failure)
            self.calibrate()
            return
        if samples.alongside:
            raise UserError(_ALONGSIDE)
        self.beside = samples.largest_beside()
        first, second = samples.seconds(EAGER), samples.seconds(_TWIN)
        self.margin = margin_of(first, second, self._device.quantile)
        self._seats.pop(_TWIN).close()
        self._results = {}
        self.milliseconds = {
            name: float(np.quantile(samples.seconds(name), self._device.quantile)) * 1e3 for name in self._seats
        }
        same = {name: self.milliseconds[like] for name, like in self._same.items() if like in self.milliseconds}
        self.milliseconds |= same
        self.eager_seconds = self.milliseconds[EAGER] / 1e3

    def _go_on_without(self, name: str, failure: WorkerFailure) -> None:
        """Leaves out the variant that died. Eager starts again where another variant makes room for it."""
        for each in {name, _TWIN}:
            self._seats.pop(each).close()
        self._device.settle()
        if name in self._device.variants:
            self.failures[name] = failure.reason
        elif not (_is_full(failure) and self.leave_one_out()):
            raise UserError(f"the problem's own Model fails in a worker: {failure.reason}") from None
        elif name == EAGER:
            self._start(EAGER)

    def _session(self) -> Samples:
        sides = {name: lambda case, name=name: self._call(name, case) for name in self._seats}
        goal = Goal(_TWIN, EAGER, self._device.quantile, alone=self._device.alone)
        with self._gate.exclusive():
            return run_session(sides, self._null, self._book.fresh(), goal, self._settings.full, self._random)


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, WorkerFailure) and error.outcome is Outcome.OUT_OF_MEMORY


def _fault(case: Case, call: Call) -> str:
    """What is wrong with the results, or nothing."""
    form = case.check_form(call.outputs)
    findings = [form] if form else case.check(results_of(case, call.outputs, call.changed))
    wrong = [finding.reason for finding in findings if finding.outcome is not None]
    return f"computes something else than eager: {wrong[0]}" if wrong else ""
