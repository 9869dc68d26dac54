"""Do two separate runs of the evaluator agree? What finished searches have certified is judged once more, in a process
a problem, on the GPU that the search was on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import combinations, cycle
from math import log, nan
from pathlib import Path
from statistics import median
from typing import Any

from egg_search.bench.places import Place
from egg_search.core.verdict import Timing, Verdict
from egg_search.reports.summary import EAGER
from egg_search.reports.text import milliseconds

_MAIN = "from egg_search.bench.second_run import main; main()"


@dataclass(frozen=True)
class Again:
    """A problem's certified kernels, fastest first, as they were timed in the first and in the second run; empty where
    `failure` says why there is nothing to compare."""

    problem: str
    first: tuple[Timing, ...] = ()
    second: tuple[Timing, ...] = ()
    failure: str | None = None

    @property
    def ratio(self) -> float:
        """The fastest one's second time over its first; nan where there is none."""
        return self.second[0].ms.value / self.first[0].ms.value if self.second else nan

    @property
    def speedup_ratio(self) -> float:
        """The same of its speedup over eager: what slows both down does not show."""
        return self.second[0].speedups[EAGER].value / self.first[0].speedups[EAGER].value if self.second else nan

    @property
    def ranks_hold(self) -> bool:
        """Whether no kernel is faster than another one in one run and slower in the other, each by more than the run's
        A/A margin."""
        return all(
            _order(self.first[i], self.first[j]) * _order(self.second[i], self.second[j]) >= 0
            for i, j in combinations(range(len(self.second)), 2)
        )


def _order(one: Timing, other: Timing) -> int:
    """-1 where `one` is faster, 1 where it is slower, 0 where that is within the margin."""
    distance, margin = log(one.ms.value / other.ms.value), max(one.margin, other.margin)
    return 0 if abs(distance) <= margin else 1 if distance > 0 else -1


def judge_again(runs: Sequence[Path], where: Sequence[Place], gpus: Mapping[str, str]) -> Iterator[Again]:
    """In the order of `runs`. `gpus` says which GPU a run was on, by name; unknown ones take their turns."""
    with ExitStack() as stack:
        workers = {place: stack.enter_context(_worker(place)) for place in where}
        known, turns = {place.gpu: place for place in where}, cycle(where)
        waiting: list[Future[Again]] = []
        for path in runs:
            place = known.get(gpus.get(path.name)) or next(turns)
            waiting.append(workers[place].submit(_judge, path, place))
        try:
            for each in waiting:
                yield each.result()
        finally:
            for each in waiting:
                each.cancel()


def _worker(place: Place) -> ThreadPoolExecutor:
    """One thread on the CPUs of a place, which what it starts inherits."""
    return ThreadPoolExecutor(1, initializer=os.sched_setaffinity, initargs=(0, place.cpus))


def _judge(path: Path, place: Place) -> Again:
    command = [sys.executable, "-c", _MAIN, str(path)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=place.environment(), check=False
    )
    if done.returncode:
        return Again(path.name, failure=(done.stderr.strip().splitlines() or ["its process died"])[-1])
    return compared(path.name, json.loads(done.stdout.splitlines()[-1]))


def compared(problem: str, pairs: Sequence[Sequence[dict[str, Any]]]) -> Again:
    """`pairs` are first and second verdicts as JSON, fastest first."""
    verdicts = [tuple(map(Verdict.from_json, pair)) for pair in pairs]
    wrong = [second for _, second in verdicts if not second.ok]
    if not verdicts:
        return Again(problem, failure="nothing was certified")
    if wrong:
        return Again(problem, failure=f"{wrong[0].outcome} the second time: {wrong[0].reason}")
    return Again(problem, tuple(first.timing for first, _ in verdicts), tuple(second.timing for _, second in verdicts))


def deviations(found: Sequence[Again]) -> tuple[float, float]:
    """Medians over the problems of how far the two times, and the two speedups, are apart (0.01: by 1 %); nan for no
    problem."""
    pairs = [(abs(each.ratio - 1), abs(each.speedup_ratio - 1)) for each in found if each.second]
    times, speedups = zip(*pairs, strict=True) if pairs else ((nan,), (nan,))
    return median(times), median(speedups)


def markdown(found: Sequence[Again]) -> str:
    """A table, what it comes to, and what could not be compared."""
    lines = ["| problem | first ms | second ms | ratio | ratio of speedups | kernels | ranks |", "|---|" + "---:|" * 6]
    judged = [each for each in found if each.second]
    for each in judged:
        times = (milliseconds(timings[0].ms.value) for timings in (each.first, each.second))
        ranks = "hold" if each.ranks_hold else "change"
        figures = [*times, f"{each.ratio:.4f}", f"{each.speedup_ratio:.4f}", str(len(each.second)), ranks]
        lines.append(f"| {each.problem} | {' | '.join(figures)} |")
    times, speedups = deviations(found)
    kept = sum(each.ranks_hold for each in judged)
    lines += ["", f"Median deviation of times {times:.2%}, of speedups {speedups:.2%}; ranks hold in {kept} of"]
    lines[-1] += f" {len(judged)} problems."
    lines += [f"\n{each.problem}: {each.failure}" for each in found if each.failure]
    return "\n".join(lines)


def to_json(found: Sequence[Again]) -> dict[str, Any]:
    times, speedups = deviations(found)
    rows = [
        asdict(each) | ({"ratio": each.ratio, "speedup_ratio": each.speedup_ratio, "ranks_hold": each.ranks_hold})
        for each in found
    ]
    return {"problems": rows, "median_deviation": times, "median_speedup_deviation": speedups}
