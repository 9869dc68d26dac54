"""One judgement: a candidate in a worker, checked, timed, checked at other shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np

from egg_search.core.errors import TooLarge
from egg_search.core.verdict import Interval, Outcome, Timing, Verdict
from evaluator.baselines.baselines import Baselines, warm_calls
from evaluator.correctness.cases import CaseBook
from evaluator.correctness.fresh import FreshCase
from evaluator.correctness.reference import NO_ROOM, Reference
from evaluator.device.base import Device, Seat
from evaluator.gate import Gate
from evaluator.isolation.failure import WorkerFailure
from evaluator.phases import Phases
from evaluator.roofline import describe
from evaluator.roofline.ceilings import Ceilings
from evaluator.roofline.profile import parse
from evaluator.settings import Effort, EvaluatorSettings
from evaluator.timing.noise import NoiseMeter
from evaluator.timing.samples import Samples
from evaluator.timing.session import Goal, run_session
from evaluator.timing.statistics import ratio_interval
from evaluator.trial import Trial
from evaluator.worker.models import ModelSpec

_CANDIDATE = "candidate"
_PROFILES = 3
_REHEARSING = 0xFFFE  # number of a model that nothing is judged on
_SLOWEST = 20  # a candidate's call may take this many times eager's time
CLOCK = "clock"
_DOUBTED = f"{CLOCK}: the verifier's own clock does not bear out what the worker's says, and counts instead"
_UNSEEN = f"{CLOCK}: too short for the wall clock, which counts: few of its calls had one turn on the device"
_CONSTRUCTIONS = 20  # and its constructor and imports this many times the Model's


class Judgement:
    """`baselines` gives the baselines, started: it is called only when the candidate is correct. `specify` makes the
    spec of the candidate's model from that of the reference with this number; `ceilings` gives those of the device,
    once the baselines are there (None for CPUs)."""

    def __init__(
        self,
        book: CaseBook,
        baselines: Callable[[], Baselines],
        specify: Callable[[int], ModelSpec],
        settings: EvaluatorSettings,
        gate: Gate,
        device: Device,
        ceilings: Callable[[], Ceilings | None],
    ) -> None:
        self._book, self._baselines, self._specify = book, baselines, specify
        self._settings, self._gate, self._device, self._ceilings = settings, gate, device, ceilings
        self._random = np.random.default_rng()
        self._eager_seconds = book.eager_seconds
        self._rehearse, self._phases = False, Phases()

    def run(
        self, seat: Seat, flags: tuple[str, ...], effort: Effort, best_ms: float | None, rehearse: bool = False
    ) -> Verdict:
        """The verdict on the candidate in `seat`, whatever happens there. `best_ms`: see `Evaluator.judge`. With
        `rehearse` it is called once, at every shape, while compilers may still run."""
        self._rehearse = rehearse
        self._phases.end("worker")
        trial = Trial(seat, self._settings.accept, self._call_seconds, self._warm_calls)
        try:
            return self._judge(trial, flags, effort, best_ms)
        except NO_ROOM as error:
            reason = f"beside it there is no room for what it is checked against: {str(error).splitlines()[0]}"
            return Verdict(Outcome.OUT_OF_MEMORY, reason, _joined(flags, trial))
        except WorkerFailure as failure:
            denied = f" (denied: {', '.join(seat.denied)})" if seat.denied else ""
            return Verdict(failure.outcome, failure.reason + denied, _joined(flags, trial))

    def _judge(self, trial: Trial, flags: tuple[str, ...], effort: Effort, best_ms: float | None) -> Verdict:
        phases = self._phases
        self._check(trial, effort)
        phases.end("check")
        baselines = self._baselines()
        phases.end("baselines")
        self._eager_seconds = baselines.eager_seconds
        trial.warm = self._warm_calls
        noise, fresh = NoiseMeter(), self._book.fresh(trial.seat.seen)
        samples, goal = self._time(trial, baselines, fresh, effort, best_ms)
        phases.end("time")
        lost = samples.stopped_early  # nothing more exact is needed: what it may become is judged in full at the end
        trial.check_late_buffers(self._book.references[0])
        resources = {"calls": trial.calls, "null_us": round(samples.null * 1e6, 1), **noise.read()}
        resources["full_checks"] = trial.full_checks
        if launch := samples.launch(_CANDIDATE):
            resources["launch_us"] = round(launch * 1e6, 1)
        if samples.doubted(_CANDIDATE):
            trial.flags.add(_UNSEEN if samples.unseen(_CANDIDATE) else _DOUBTED)
        share = None
        if effort is not Effort.SCREEN and not lost:
            share = self._generated_share(trial, fresh)
            for case in self._book.families(kept=False) if effort is Effort.CHECK else ():
                trial.call(case)
            self._check_variants(trial)
            phases.end("more checks")
        if trial.less_exact:
            resources["less_exact"] = trial.less_exact
        timing, told = self._timing(samples, goal, baselines), _joined(flags, trial)
        resources |= self._explained(trial, fresh, effort is Effort.FULL, timing, resources.get("launch_us"))
        phases.end("explain")
        resources["phases"] = phases.read()
        return Verdict(Outcome.OK, "", told, trial.errors, timing, generated_share=share, resources=resources)

    def _explained(
        self, trial: Trial, fresh: Iterator[FreshCase], profiled: bool, timing: Timing, launch_us: float | None
    ) -> dict[str, Any]:
        """What the device reaches, and what holds it up. Last of all: a profiler slows what comes after it, and what a
        candidate does about it is no part of the judgement."""
        ceilings = self._ceilings()
        if ceilings is None:
            return {}
        kernels = None
        if profiled:
            with suppress(WorkerFailure):
                case = next(fresh, self._book.first)
                kernels = parse(trial.seat.operator_share(0, case.arguments, self._call_seconds, kernels=True)[1])
        return describe(timing, trial.errors, self._book.references[0].work, ceilings, kernels, launch_us)

    @property
    def _floor(self) -> float:
        ceilings, work = self._ceilings(), self._book.references[0].work
        return work.floor_seconds(ceilings) if ceilings is not None and work is not None else 0.0

    def _check(self, trial: Trial, effort: Effort) -> None:
        book = self._book
        self._load(trial, 0, book.references[0], has_buffers=bool(book.first.buffers))
        self._phases.end("load")
        families = book.families(kept=True if effort is Effort.CHECK else None)  # the rest of a loser is not worth it
        full = chain(book.own(), families, [book.first])  # made one by one: a wrong candidate fails early
        for case in book.screening(trial.seat.seen) if effort is Effort.SCREEN else full:
            trial.call(case)

    def _load(self, trial: Trial, number: int, reference: Reference, has_buffers: bool) -> None:
        what = self._specify(number), reference.state, self._load_seconds
        rehearsal = reference.inputs(self._book.draw()) if self._rehearse else None
        if rehearsal is not None and has_buffers:  # a model of its own: calls leave traces in buffers
            trial.seat.load(_REHEARSING, *what, rehearsal)
            rehearsal = None
        trial.seat.load(number, *what, rehearsal)

    def _check_variants(self, trial: Trial) -> None:
        for number, reference, cases in self._book.variants():
            changed = ", ".join(f"{name}={value}" for name, value in reference.changed.items())
            try:
                self._load(trial, number, reference, any(case.buffers for case in cases))
                for case in cases:
                    trial.call(case, number)
            except WorkerFailure as failure:
                raise WorkerFailure(failure.outcome, f"with {changed}: {failure.reason}") from None

    def _time(
        self,
        trial: Trial,
        baselines: Baselines,
        fresh: Iterator[FreshCase],
        effort: Effort,
        best_ms: float | None,
    ) -> tuple[Samples, Goal]:
        """The raw samples of one interleaved session, and what it was to find out."""
        anchor, rule, screening = baselines.anchor, self._settings.rule(effort), effort is not Effort.FULL
        compared = [anchor] if screening else baselines.names
        sides = {name: lambda case, name=name: baselines.time(name, case) for name in compared} | {
            _CANDIDATE: lambda case: trial.call(case)
        }
        best = baselines.milliseconds[anchor] / best_ms if best_ms else None
        loss = 1.1 if screening else 1.25
        device = self._device
        bearing = {"suspect": _CANDIDATE, "null_every": device.null_every, "beside": baselines.beside}
        goal = Goal(_CANDIDATE, anchor, device.quantile, best, loss, self._floor, **bearing)
        try:
            with self._gate.exclusive():
                return run_session(sides, baselines.null, fresh, goal, rule, self._random), goal
        except TooLarge as error:  # the baselines had room for theirs
            raise WorkerFailure(Outcome.OUT_OF_MEMORY, f"beside what it holds {error}") from None

    def _timing(self, samples: Samples, goal: Goal, baselines: Baselines) -> Timing:
        """On the evaluator's scale: a baseline takes what it took when it was calibrated. One that is slower in this
        session than others are by their own scales has a bad spell, which is nobody's gain: the baseline by which the
        candidate is slowest tells its time."""
        milliseconds, candidate = baselines.milliseconds, samples.seconds(_CANDIDATE)
        ratios = {
            name: ratio_interval(samples.seconds(name), candidate, goal.quantile, self._random)
            for name in samples.raw
            if name != _CANDIDATE
        }
        slowest = max(ratios, key=lambda name: milliseconds[name] / ratios[name].value)
        scale, ratio = milliseconds[slowest], ratios[slowest]
        speedups = {}
        for name, ms in milliseconds.items():
            own = ratios.get(baselines.program(name))
            at_most = ratio.value * ms / scale
            speedups[name] = _scaled(own, min(1.0, at_most / own.value)) if own else _scaled(ratio, ms / scale)
        return Timing(
            ms=Interval(scale / ratio.value, scale / ratio.high, scale / ratio.low),
            baselines_ms=dict(milliseconds),
            speedups=speedups,
            samples=samples.rounds,
            margin=baselines.margin,
            stopped_early=samples.stopped_early,
        )

    def _generated_share(self, trial: Trial, fresh: Iterator[FreshCase]) -> float:
        """Share of a call's time outside torch's own operators, as the worker tells it: information, no judgement."""
        cases = [next(fresh, self._book.first) for _ in range(_PROFILES)]
        profiles = [trial.seat.operator_share(0, case.arguments, self._call_seconds) for case in cases]
        return 1 - max(share for share, _ in profiles)

    @property
    def _warm_calls(self) -> int:
        return warm_calls(self._eager_seconds, self._device.place)

    @property
    def _call_seconds(self) -> float:
        return max(self._settings.min_call_seconds, _SLOWEST * self._eager_seconds)

    @property
    def _load_seconds(self) -> float:
        on_cpu = self._device.place == "cpu"
        least = self._settings.min_load_seconds if on_cpu else self._settings.gpu_load_seconds
        return max(least, _CONSTRUCTIONS * self._book.references[0].construct_seconds)


def _joined(flags: tuple[str, ...], trial: Trial) -> tuple[str, ...]:
    denied = {f"denied: it attempted the system call {name}" for name in trial.seat.denied}
    return tuple(sorted({*flags, *trial.flags, *denied}))


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)
