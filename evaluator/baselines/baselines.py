"""Baselines: eager and torch.compile, each in a worker of its own that stays alive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from egg_search.core.errors import UserError
from evaluator.correctness.cases import CaseBook
from evaluator.correctness.reference import Case
from evaluator.device.base import Device, Seat
from evaluator.gate import Gate
from evaluator.isolation.failure import WorkerFailure
from evaluator.settings import EvaluatorSettings
from evaluator.timing.session import Goal, Samples, run_session
from evaluator.timing.statistics import margin_of
from evaluator.worker.models import ModelSpec

EAGER, COMPILE, _TWIN = "eager", "compile", "eager twin"
_WARM_SECONDS, _MAX_WARM = 0.002, 5  # short calls are timed right after untimed ones, as in a loop
_NULLS = 20


class Baselines:
    """`milliseconds` by name, from one long session at the start; `margin` is that session's A/A margin, `null` the
    seconds of a call that computes nothing. A baseline that fails is in `failures` with the reason; eager must not."""

    def __init__(
        self,
        book: CaseBook,
        spec: ModelSpec,
        device: Device,
        memory_bytes: int,
        environment: dict[str, str],
        gate: Gate,
        settings: EvaluatorSettings,
    ) -> None:
        self._book, self._spec, self._device, self._settings = book, spec, device, settings
        self._memory_bytes, self._environment, self._gate = memory_bytes, environment, gate
        self._first = [book.shipped(0), book.shipped(1)]
        self._seats: dict[str, Seat] = {}
        self.failures: dict[str, str] = {}
        self._random = np.random.default_rng()

    def start(self) -> None:
        """Starts the workers and makes their first calls. May run beside other use of the case book. Raises UserError
        when eager fails there, also when the machine forbids to read a worker's memory."""
        with self._gate.shared():
            for name in (EAGER, COMPILE) if self._settings.torch_compile else (EAGER,):
                self._start(name)

    @property
    def names(self) -> list[str]:
        return list(self.milliseconds)

    @property
    def anchor(self) -> str:
        """The fastest baseline."""
        return min(self.milliseconds, key=self.milliseconds.__getitem__)

    @property
    def warm(self) -> int:
        """Untimed calls before each timed one."""
        return min(_MAX_WARM, round(_WARM_SECONDS / self.eager_seconds))

    def time(self, name: str, case: Case) -> float:
        """Raw seconds of one call. A baseline that was killed is started again, once. Raises UserError when it cannot:
        no candidate is to blame."""
        try:
            return self._call(name, case)
        except WorkerFailure:
            self._start(name)
        try:
            return self._call(name, case)
        except WorkerFailure as failure:
            reason = self.failures.get(name, failure.reason)
            raise UserError(f"baseline {name} died and does not start again: {reason}") from None

    def close(self) -> None:
        for seat in self._seats.values():
            seat.close()
        self._seats = {}

    def _call(self, name: str, case: Case) -> float:
        return self._seats[name].call(0, case.arguments, self._settings.compile_seconds, self.warm).seconds

    def _start(self, name: str) -> None:
        """Starts a worker for `name` and makes its first calls, in which torch.compile compiles."""
        try:
            seat = self._device.open(self._memory_bytes * (3 if name == COMPILE else 1), self._environment)
            spec = replace(self._spec, compiled=name == COMPILE)
            seat.load(0, spec, self._book.references[0].state, self._settings.load_seconds)
            for case in (*self._first, self._first[0]):
                last = seat.call(0, case.arguments, self._settings.compile_seconds)
            self._seats[name] = seat
            if name == EAGER:
                self.eager_seconds = last.seconds
        except WorkerFailure as failure:
            if name != COMPILE:
                raise UserError(f"the problem's own Model fails in a worker: {failure.reason}") from None
            self.failures[name] = failure.reason

    def calibrate(self) -> None:
        """After `start`: a session of every baseline and of a second eager; the ratio of the two is the A/A margin.
        A torch.compile that dies meanwhile is left out."""
        self._start(_TWIN)
        try:
            samples = self._session()
        except WorkerFailure as failure:
            if COMPILE not in self._seats:
                raise UserError(f"the problem's own Model fails in a worker: {failure.reason}") from None
            self.failures[COMPILE] = failure.reason
            for name in (COMPILE, _TWIN):
                self._seats.pop(name).close()
            self.calibrate()
            return
        first, second = samples.sides[EAGER], samples.sides[_TWIN]
        self.margin = margin_of(first, second, self._device.quantile)
        self._seats.pop(_TWIN).close()
        self.milliseconds = {
            name: float(np.quantile(samples.sides[name], self._device.quantile)) * 1e3 for name in self._seats
        }
        self.eager_seconds = self.milliseconds[EAGER] / 1e3

    def _session(self) -> Samples:
        sides = {name: lambda i, name=name: self._call(name, self._book.shipped(i)) for name in self._seats}
        goal = Goal(_TWIN, EAGER, self._device.quantile)
        with self._gate.exclusive():
            self.null = float(np.quantile([self._seats[EAGER].null() for _ in range(_NULLS)], 0.1))
            return run_session(sides, goal, self._settings.full, self.null, self._random)
