"""The trusted verifier: judges candidates for one problem on one device."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from egg_search.core.candidate import Candidate
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Configuration
from egg_search.core.problem import Problem
from egg_search.core.verdict import Interval, Outcome, Timing, Verdict
from evaluator.baselines.baselines import Baselines
from evaluator.build import build
from evaluator.build.store import BuildStore
from evaluator.correctness.cases import CaseBook
from evaluator.correctness.fresh import FreshCase
from evaluator.correctness.reference import Reference
from evaluator.device.base import Device, Rights
from evaluator.device.cpu import CpuDevice
from evaluator.gate import Gate
from evaluator.isolation.base import Stage
from evaluator.isolation.failure import WorkerFailure
from evaluator.isolation.isolation import shared_isolation
from evaluator.settings import Effort, EvaluatorSettings
from evaluator.static import static_flags
from evaluator.timing.noise import NoiseMeter
from evaluator.timing.session import Goal, Samples, run_session
from evaluator.timing.statistics import ratio_interval
from evaluator.trial import Trial
from evaluator.worker.models import ModelSpec

_BASE_MEMORY = 2 << 30
_CANDIDATE = "candidate"
_PROFILES = 3
_SLOWEST = 50  # a candidate's call may take this many times eager's time


class Evaluator:
    """Knows the reference, the float64 truth, the seeds and the clock; runs candidates in workers only.

    References and baselines start with the first judgement or with `baselines()`, which raises UserError when the
    problem does not run. Thread-safe: candidates build beside each other, and one at a time is run.
    """

    def __init__(
        self,
        problem: Problem,
        hardware: Hardware,
        build_dir: Path,
        settings: EvaluatorSettings = EvaluatorSettings(),  # noqa: B008 (frozen)
    ) -> None:
        self._hardware, self._settings = hardware, settings
        self._build_dir, self._problem = Path(build_dir).absolute(), problem
        self._gate = Gate(settings.gate_path)
        self._isolation = shared_isolation(hardware.cores, settings.layers)
        self._device: Device = CpuDevice(hardware, self._isolation)
        self._lock = threading.RLock()
        self._random = np.random.default_rng()
        self._book: CaseBook | None = None
        self._baselines: Baselines | None = None

    def baselines(self) -> dict[str, float]:
        """Milliseconds of a call by baseline: "eager", and "compile" unless it failed. Starts what is needed."""
        with self._lock:
            return dict(self._start().milliseconds)

    @property
    def baseline_failures(self) -> dict[str, str]:
        """Why a baseline is missing."""
        with self._lock:
            return dict(self._start().failures)

    def judge(
        self, candidate: Candidate, configuration: Configuration, effort: Effort, best_ms: float | None = None
    ) -> Verdict:
        """The verdict on one configuration. `best_ms` is what the best so far takes, on this evaluator's scale
        (`Timing.ms`): a clear loser is not timed to the end."""
        bound, flags = candidate.bound(configuration), static_flags(candidate.source)
        report = build(bound, self._build_dir, self._settings.build_seconds, self._gate, self._isolation)
        if report.outcome is not None:
            return Verdict(report.outcome, report.reason, flags, build_seconds=report.seconds)
        with self._lock:
            self._start()
            begin = time.perf_counter()
            verdict = self._run(bound, flags, effort, best_ms)
            return replace(verdict, build_seconds=report.seconds, run_seconds=time.perf_counter() - begin)

    def renew(self) -> None:
        """Draws new secret inputs: what was chosen on the old ones is judged on values that it has never met."""
        with self._lock:
            if self._book is not None:
                self._book.renew()

    def close(self) -> None:
        """Ends the baselines; the zygote that evaluators share ends with this process."""
        with self._lock:
            if self._baselines is not None:
                self._baselines.close()

    def _start(self) -> Baselines:
        if self._baselines is None:
            self._isolation.start()
            self._book = CaseBook(self._problem, self._settings)
            spec = self._spec(self._problem.effective_source, "Model", self._book.references[0])
            compiled = self._build_dir / "inductor"
            compiled.mkdir(parents=True, exist_ok=True)
            environment = {"TORCHINDUCTOR_CACHE_DIR": str(compiled)}
            rights = Rights(Stage.BUILD, writable=(str(compiled),))  # torch.compile starts a compiler
            baselines = Baselines(
                self._book, spec, self._device, self._memory, environment, rights, self._gate, self._settings
            )
            try:
                with ThreadPoolExecutor(1) as pool:  # torch.compile takes a while: the truths are computed meanwhile
                    started = pool.submit(baselines.start)
                    self._book.prepare()
                    started.result()
                baselines.calibrate()
            except BaseException:
                baselines.close()
                raise
            self._baselines = baselines
        return self._baselines

    @property
    def _memory(self) -> int:
        """A worker's memory limit: several times what the problem needs, and never most of the machine."""
        if self._settings.memory_bytes is not None:
            return self._settings.memory_bytes
        state = sum(value.numel() * value.element_size() for value in self._book.references[0].state.values())
        wanted = _BASE_MEMORY + 16 * self._book.first.bytes + 6 * state
        return min(wanted, int(0.6 * self._hardware.memory_bytes))

    def _spec(self, source: str, class_name: str, reference: Reference) -> ModelSpec:
        return ModelSpec(source, class_name, reference.init_inputs, reference.seed, threads=self._hardware.cores)

    def _run(self, bound: str, flags: tuple[str, ...], effort: Effort, best_ms: float | None) -> Verdict:
        trial: Trial | None = None
        try:
            store = BuildStore(self._build_dir)
            rights = Rights(readable=(str(store.output(bound)), str(store.shared)))
            seat = self._device.open(self._memory, store.environment(bound), rights)
            try:
                trial = Trial(seat, self._settings.accept, self._call_seconds)
                return self._judge_in(trial, bound, flags, effort, best_ms)
            finally:
                seat.close()
        except WorkerFailure as failure:
            flags = tuple(sorted({*flags, *(trial.flags if trial else ())}))
            return Verdict(failure.outcome, failure.reason, flags)

    def _judge_in(
        self, trial: Trial, bound: str, flags: tuple[str, ...], effort: Effort, best_ms: float | None
    ) -> Verdict:
        book, settings = self._book, self._settings
        spec = self._spec(bound, "ModelNew", book.references[0])
        trial.seat.load(0, spec, book.references[0].state, settings.load_seconds)
        if effort is Effort.SCREEN:
            for case in book.screening():
                trial.call(case)
        else:
            for case in (*book.own(), *book.families(), book.shipped(0)):
                trial.call(case)
        noise, fresh = NoiseMeter(), book.fresh()
        timing, samples = self._time(trial, fresh, effort, best_ms)
        resources = {"calls": trial.calls, "null_us": round(samples.null * 1e6, 1), **noise.read()}
        resources["full_checks"] = trial.full_checks
        share = None
        if effort is Effort.FULL:
            share = self._generated_share(trial, fresh, samples)
            self._check_variants(trial, bound)
        flags = tuple(sorted({*flags, *trial.flags}))
        return Verdict(Outcome.OK, "", flags, trial.errors, timing, generated_share=share, resources=resources)

    def _check_variants(self, trial: Trial, bound: str) -> None:
        for number, reference, cases in self._book.variants():
            trial.seat.load(
                number, self._spec(bound, "ModelNew", reference), reference.state, self._settings.load_seconds
            )
            changed = ", ".join(f"{name}={value}" for name, value in reference.changed.items())
            for case in cases:
                try:
                    trial.call(case, number)
                except WorkerFailure as failure:
                    raise WorkerFailure(failure.outcome, f"with {changed}: {failure.reason}") from None

    def _time(
        self, trial: Trial, fresh: Iterator[FreshCase], effort: Effort, best_ms: float | None
    ) -> tuple[Timing, Samples]:
        """Timing on the evaluator's scale, and the raw samples of this session."""
        baselines, anchor, rule = self._baselines, self._baselines.anchor, self._settings.rule(effort)
        compared = [anchor] if effort is Effort.SCREEN else baselines.names
        sides = {name: lambda case, name=name: baselines.time(name, case) for name in compared} | {
            _CANDIDATE: lambda case: trial.call(case, warm=baselines.warm).seconds
        }
        best = baselines.milliseconds[anchor] / best_ms if best_ms else None
        goal = Goal(_CANDIDATE, anchor, self._device.quantile, best, loss=1.1 if effort is Effort.SCREEN else 1.25)
        with self._gate.exclusive():
            samples = run_session(sides, baselines.null, fresh, goal, rule, self._random)
        return self._timing(samples, goal, compared), samples

    def _timing(self, samples: Samples, goal: Goal, compared: list[str]) -> Timing:
        milliseconds = self._baselines.milliseconds
        scale = milliseconds[goal.anchor]
        over_anchor = goal.ratio(samples, self._random)
        speedups = {}
        for name, ms in milliseconds.items():
            if name in compared:
                sides = samples.seconds(name), samples.seconds(_CANDIDATE)
                speedups[name] = ratio_interval(*sides, goal.quantile, self._random)
            else:
                speedups[name] = _scaled(over_anchor, ms / scale)
        return Timing(
            ms=Interval(scale / over_anchor.value, scale / over_anchor.high, scale / over_anchor.low),
            baselines_ms=dict(milliseconds),
            speedups=speedups,
            samples=samples.rounds,
            margin=self._baselines.margin,
            stopped_early=samples.stopped_early,
        )

    def _generated_share(self, trial: Trial, fresh: Iterator[FreshCase], samples: Samples) -> float:
        """Share of a call's time outside torch's own operators, as the worker tells it: information, no judgement."""
        inside = min(
            trial.seat.operator_seconds(0, next(fresh).arguments, self._call_seconds) for _ in range(_PROFILES)
        )
        seconds = float(np.quantile(samples.seconds(_CANDIDATE), self._device.quantile))
        return max(0.0, min(1.0, 1 - inside / seconds))

    @property
    def _call_seconds(self) -> float:
        return max(self._settings.min_call_seconds, _SLOWEST * self._baselines.eager_seconds)


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)
