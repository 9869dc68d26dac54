"""The trusted verifier: judges candidates for one problem on one device."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from egg_search.core.candidate import Candidate
from egg_search.core.errors import TooLarge
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Configuration
from egg_search.core.problem import Problem
from egg_search.core.problem.validation import validate
from egg_search.core.verdict import Outcome, Verdict
from evaluator.again import START_SECONDS, leaves_no_trace
from evaluator.baselines.baselines import Baselines
from evaluator.build import BuildReport, build
from evaluator.build.builds import Builds
from evaluator.build.store import BuildStore
from evaluator.correctness.cases import CaseBook
from evaluator.correctness.degenerate import degeneracies
from evaluator.correctness.reference import NO_ROOM
from evaluator.device.base import Rights, Seat
from evaluator.device.choose import device_for, threads_of
from evaluator.gate import gate_for
from evaluator.isolation.base import Stage
from evaluator.isolation.isolation import shared_isolation
from evaluator.judgement import Judgement
from evaluator.late import wants_compiler
from evaluator.roofline.ceilings import Ceilings, ceilings
from evaluator.settings import Effort, EvaluatorSettings
from evaluator.static import static_flags
from evaluator.worker.models import ModelSpec

_BASE_MEMORY = 2 << 30


@dataclass(frozen=True)
class _Asked:
    """What is to be judged: a bound `source` of the candidate with the id `program`, and how."""

    program: str
    source: str
    flags: tuple[str, ...]
    effort: Effort
    best_ms: float | None


class Evaluator:
    """Knows the reference, the float64 truth, the seeds and the clock; runs candidates in workers only.

    References start with the first judgement, baselines with the first that needs them or with `baselines()`; both
    raise UserError when the problem does not run. Thread-safe: candidates build beside each other, and one at a time
    is run.
    """

    def __init__(
        self,
        problem: Problem,
        hardware: Hardware,
        build_dir: Path,
        settings: EvaluatorSettings = EvaluatorSettings(),  # noqa: B008 (frozen)
    ) -> None:
        self._hardware, self._settings = hardware, settings
        self._root, self._problem = Path(build_dir).absolute(), problem
        self._gate = gate_for(hardware, settings.gate_path)
        self._threads = threads_of(hardware)
        self._isolation = shared_isolation(self._threads, settings.layers)
        self._device = device_for(hardware, self._isolation)
        self._builds = Builds(self._root, self._build)
        self._lock = threading.RLock()
        self._book: CaseBook | None = None
        self._baselines: Baselines | None = None
        self._ceilings: Ceilings | None = None
        self._clinging: set[str] = set()  # candidates that fail where another configuration of theirs was before
        self._late: set[str] = set()  # candidates that compile in their first call

    def baselines(self) -> dict[str, float]:
        """Milliseconds of a call by baseline: "eager", and the device's variants of it ("compile") unless they
        failed. Starts what is needed."""
        with self._lock:
            return dict(self._start().milliseconds)

    @property
    def roofline(self) -> dict[str, Any] | None:
        """The problem's least work and what its GPU reaches, as JSON; None where either is not known."""
        with self._lock:
            self._start()
            work = self._book.references[0].work if self._ceilings is not None else None
            return {"work": work.to_json(), "ceilings": self._ceilings.to_json()} if work is not None else None

    @property
    def baseline_failures(self) -> dict[str, str]:
        """Why a baseline is missing."""
        with self._lock:
            return dict(self._start().failures)

    @property
    def problem_notes(self) -> tuple[str, ...]:
        """What is degenerate about the problem. Does not need the baselines."""
        with self._lock:
            return degeneracies(self._begin().own())

    def judge(
        self, candidate: Candidate, configuration: Configuration, effort: Effort, best_ms: float | None = None
    ) -> Verdict:
        """The verdict on one configuration. `best_ms` is what the best so far takes, on this evaluator's scale
        (`Timing.ms`): a clear loser is not timed to the end."""
        bound, flags = candidate.bound(configuration), static_flags(candidate.source)
        builds = self._builds
        store, report = builds.store, builds.report(bound)
        if report.outcome is not None:
            return Verdict(report.outcome, report.reason, flags, build_seconds=report.seconds)
        with self._lock:
            book, begin = self._begin(), time.perf_counter()
            verdict = self._judged(book, store, _Asked(candidate.id, bound, flags, effort, best_ms))
            return replace(verdict, build_seconds=report.seconds, run_seconds=time.perf_counter() - begin)

    def renew(self, ahead: Sequence[str] = ()) -> None:
        """Draws new secret inputs, and begins with no build results: what was chosen so far is then judged on values
        that it has never met, and on kernels that nobody else has built. Bound sources that are judged next may be
        built `ahead`: while inputs are drawn, since they would disturb what is timed."""
        with self._lock:
            self._leave_builds()
            self._builds = Builds(self._root / f"renewed-{secrets.token_hex(4)}", self._build, ahead)
            if self._book is not None:
                self._device.settle()
                self._renew_cases(self._book)
            self._builds.wait()

    def close(self) -> None:
        """Ends the baselines; the zygote that evaluators share ends with this process."""
        with self._lock:
            if self._baselines is not None:
                self._baselines.close()
            self._device.close()
            self._leave_builds()

    def _leave_builds(self) -> None:
        self._builds.close()
        if self._builds.store.root != self._root:
            shutil.rmtree(self._builds.store.root, ignore_errors=True)

    def _build(self, bound: str, root: Path) -> BuildReport:
        settings = self._settings
        return build(bound, root, settings.build_seconds, self._gate, self._isolation, self._hardware.capability)

    def _begin(self) -> CaseBook:
        if self._book is None:
            threading.Thread(target=self._isolation.start_early, daemon=True).start()
            if self._device.place != "cpu":
                validate(self._problem, self._device.place)
            self._book = CaseBook(self._problem, self._settings, self._device.place, self._hardware.memory_bytes)
        return self._book

    def _start(self) -> Baselines:
        if self._baselines is None:
            self._baselines = self._started(self._begin())
        return self._baselines

    def _started(self, book: CaseBook) -> Baselines:
        compiled = self._root / "inductor"
        compiled.mkdir(parents=True, exist_ok=True)
        environment = {"TORCHINDUCTOR_CACHE_DIR": str(compiled)}
        rights = Rights(Stage.BUILD, writable=(str(compiled),))  # torch.compile starts a compiler
        spec = self._spec(book, self._problem.effective_source, "Model", 0)
        memory = self._memory(book)
        baselines = Baselines(book, spec, self._device, memory, environment, rights, self._gate, self._settings)
        try:
            if self._device.place == "cpu":
                with ThreadPoolExecutor(1) as pool:  # torch.compile takes a while: the truths are computed meanwhile
                    started = pool.submit(baselines.start)
                    book.prepare()
                    started.result()
            else:  # on a GPU, work of the verifier's own would look like somebody else's
                self._ceilings = ceilings(self._hardware)
                _ = book.references[0].work
                self._prepare(book)  # first: truths in float64 want most of the device for a while
                baselines.start()
            baselines.calibrate()
            baselines.make_room(book.references[0].call_bytes)
        except BaseException:
            baselines.close()
            raise
        return baselines

    def _renew_cases(self, book: CaseBook) -> None:
        """Makes cases beside the baselines, which start again where that leaves no room."""
        baselines = self._start()
        with suppress(*NO_ROOM):
            book.renew()
            self._prepare(book)
            return
        baselines.close()
        self._baselines = None
        self._device.settle()
        book.renew()  # again, and whole
        self._builds.wait()
        self._start()

    def _prepare(self, book: CaseBook) -> None:
        try:
            book.prepare()
        except NO_ROOM as error:
            raise TooLarge(str(error).splitlines()[0]) from None

    def _judged(self, book: CaseBook, store: BuildStore, asked: _Asked) -> Verdict:
        """By a worker that knows the candidate, if there is one; in a fresh one where that finds a fault, which may be
        what an earlier configuration left; once more, with a rehearsal, where a compiler is missing: the next
        configuration has one at once."""
        program, late = asked.program, asked.program in self._late
        again = asked.effort is Effort.SCREEN and program not in self._clinging
        verdict, seat = self._run(book, store, asked, again, rehearse=late)
        if seat.again and verdict.outcome is not Outcome.OK:
            verdict, seat = self._run(book, store, asked, rehearse=late)
            if verdict.outcome is Outcome.OK:
                self._clinging.add(program)
        if not late and wants_compiler(verdict, seat.denied):
            second, seat = self._run(book, store, asked, rehearse=True)
            if second.outcome is not Outcome.PROTOCOL and not wants_compiler(second, seat.denied):
                verdict = second
                self._late.add(program)
        return verdict

    def _run(
        self, book: CaseBook, store: BuildStore, asked: _Asked, again: bool = False, rehearse: bool = False
    ) -> tuple[Verdict, Seat]:
        """The verdict, and the seat, which is closed."""
        rights = Rights(
            readable=(str(store.shared),),
            private=(str(store.output(asked.source)),),
            build_seconds=self._settings.build_seconds,
            program=asked.program,
            again=again,
        )
        judgement = Judgement(
            book,
            self._start,
            lambda number: self._spec(book, asked.source, "ModelNew", number),
            self._settings,
            self._gate,
            self._device,
            lambda: self._ceilings,
        )
        environment = store.environment(asked.source)
        seat, verdict = self._device.open(self._memory(book), environment, rights), None
        try:
            verdict = judgement.run(seat, asked.flags, asked.effort, asked.best_ms, rehearse)
            return verdict, seat
        finally:
            seat.close(keep=verdict is not None and asked.effort is Effort.SCREEN and self._may_go_on(seat, verdict))

    def _may_go_on(self, seat: Seat, verdict: Verdict) -> bool:
        """Whether its worker may judge another configuration of the candidate: where there are cases that it has not
        seen, and inputs that it has not seen take less time than another worker."""
        book = self._begin()
        seconds = book.fresh_cost(self._settings.screen.min_rounds, seat.seen)
        return leaves_no_trace(verdict) and book.may_screen(seat.seen) and seconds < START_SECONDS

    def _memory(self, book: CaseBook) -> int:
        """A worker's memory limit: several times what the problem needs, and never most of the machine."""
        if self._settings.memory_bytes is not None:
            return self._settings.memory_bytes
        state = sum(value.numel() * value.element_size() for value in book.references[0].state.values())
        wanted = _BASE_MEMORY + 16 * book.first.bytes + 6 * state
        return min(wanted, int(0.6 * self._hardware.memory_bytes))

    def _spec(self, book: CaseBook, source: str, class_name: str, number: int) -> ModelSpec:
        reference = book.references[number]
        return ModelSpec(source, class_name, reference.init_inputs, reference.seed, threads=self._threads)
