"""What a judgement costs, and whether isolation changes what is measured."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.core.verdict import Verdict
from evaluator.correctness.cases import CaseBook
from evaluator.device.cpu import CpuDevice
from evaluator.evaluator import Evaluator
from evaluator.gate import Gate, machine_gate
from evaluator.isolation.base import Limits
from evaluator.isolation.isolation import Isolation
from evaluator.settings import Effort, EvaluatorSettings, TimingRule
from evaluator.timing.session import Goal, run_session
from evaluator.worker.models import ModelSpec

_STARTS, _REJECTS, _SCREENS, _ACCEPTS = 20, 9, 9, 3
_MEMORY = 4 << 30
_PORT = "\n\nclass ModelNew(Model):\n    pass\n"
_WRONG = """

class ModelNew(Model):
    def forward(self, *arguments):
        result = super().forward(*arguments)
        (result[0] if isinstance(result, (tuple, list)) else result).view(-1)[0] += 1
        return result
"""
_PAIRS = 7  # of workers: on a shared machine one pair that runs the same code is easily 10 % apart
_SIDES = TimingRule(min_rounds=25, max_rounds=25, seconds=30.0, width=0.0)


@dataclass(frozen=True)
class JudgingCosts:
    """Seconds, medians; `apart` is the time of a call inside every layer over that of one without any, `call` what a
    call takes."""

    problem: str
    call: float
    start: float
    reject: float
    screen: float
    accept: float
    apart: float


def judging_costs(problem: Problem, hardware: Hardware) -> JudgingCosts:
    """The problem's own Model is the candidate that is accepted, and with one wrong element the one that is not."""
    port, wrong = (Candidate(problem.effective_source + text, Dialect.TORCH) for text in (_PORT, _WRONG))
    with tempfile.TemporaryDirectory(prefix="egg-judging-") as folder:
        evaluator = Evaluator(problem, hardware, Path(folder), EvaluatorSettings(gate_path=machine_gate()))
        try:
            milliseconds = evaluator.baselines()["eager"]

            def judge(candidate: Candidate, effort: Effort) -> Callable[[], Verdict]:
                return lambda: evaluator.judge(candidate, {}, effort)

            reject = _median(judge(wrong, Effort.FULL), _REJECTS)
            accept = _median(judge(port, Effort.FULL), _ACCEPTS)
            screen = _median(judge(port, Effort.SCREEN), _SCREENS)
        finally:
            evaluator.close()
    start, apart = _start_seconds(hardware), _inside_over_outside(problem, hardware)
    return JudgingCosts(problem.name, milliseconds / 1e3, start, reject, screen, accept, apart)


def _median(action: Callable[[], object], times: int) -> float:
    action()
    seconds = []
    for _ in range(times):
        before = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - before)
    return float(np.median(seconds))


def _start_seconds(hardware: Hardware) -> float:
    isolation = Isolation(hardware.cores)
    try:
        return _median(lambda: isolation.spawn(Limits(_MEMORY, 0), {}).close(), _STARTS)
    finally:
        isolation.close()


def _inside_over_outside(problem: Problem, hardware: Hardware) -> float:
    """The Model in two workers, one with every layer and one with none, on the same inputs in turns."""
    book = CaseBook(problem, EvaluatorSettings())
    reference = book.references[0]
    spec = ModelSpec(problem.effective_source, "Model", reference.init_inputs, reference.seed, threads=hardware.cores)
    isolations = {"inside": Isolation(hardware.cores), "outside": Isolation(hardware.cores, layers=())}
    try:
        with Gate(machine_gate()).exclusive():
            return float(np.median([_ratio(book, spec, hardware, isolations) for _ in range(_PAIRS)]))
    finally:
        for each in isolations.values():
            each.close()


def _ratio(book: CaseBook, spec: ModelSpec, hardware: Hardware, isolations: dict[str, Isolation]) -> float:
    seats = {name: CpuDevice(hardware, each).open(_MEMORY, {}) for name, each in isolations.items()}
    try:
        for seat in seats.values():
            seat.load(0, spec, book.references[0].state, 60.0)
        sides = {name: lambda case, seat=seat: seat.call(0, case.arguments, 60.0, 2) for name, seat in seats.items()}
        goal, random = Goal("inside", "outside", CpuDevice.quantile), np.random.default_rng()
        samples = run_session(sides, seats["outside"].null, book.fresh(), goal, _SIDES, random)
        return 1 / goal.ratio(samples, random).value
    finally:
        for seat in seats.values():
            seat.close()


def markdown(rows: Sequence[JudgingCosts]) -> str:
    """A table, with medians as the last row."""
    lines = ["| problem | eager call ms | start ms | reject s | configuration s | full s | inside / outside |"]
    lines.append("|---|" + "---:|" * 6)
    cells = [(each.call, each.start, each.reject, each.screen, each.accept, each.apart) for each in rows]
    for name, values in zip([each.problem for each in rows], cells, strict=True):
        lines.append(_line(name, values))
    lines.append(_line("median", tuple(float(np.median(column)) for column in zip(*cells, strict=True))))
    return "\n".join(lines)


def _line(name: str, values: tuple[float, ...]) -> str:
    call, start, reject, screen, accept, apart = values
    return (
        f"| {name} | {call * 1e3:.3g} | {start * 1e3:.1f} | {reject:.2f} | {screen:.2f} | {accept:.2f} | {apart:.3f} |"
    )
