"""Run as a program, with a run directory as its argument: judges the fastest kernels that the run has certified in an
evaluator of this process's own. The last line that it prints is a JSON list of [first verdict, second verdict], fastest
first; bad input is a UserError's message on stderr and exit code 2."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from egg_search.campaign import Settings, opening
from egg_search.core.candidate import Candidate
from egg_search.core.errors import UserError
from egg_search.core.knobs import Configuration
from egg_search.core.verdict import Verdict
from egg_search.rundir import RunDirectory
from evaluator.evaluator import Evaluator
from evaluator.gate import machine_gate
from evaluator.isolation.failure import WorkerFailure
from evaluator.settings import Effort, EvaluatorSettings

_KERNELS = 3  # enough to see whether ranks hold


def main() -> None:
    try:
        pairs = second_verdicts(Path(sys.argv[1]))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.code)
    print(json.dumps([[first.to_json(), second.to_json()] for first, second in pairs]))


def second_verdicts(path: Path) -> list[tuple[Verdict, Verdict]]:
    """Of the run in `path`; [] where it has certified nothing. Raises UserError where it cannot be judged here."""
    directory = RunDirectory(path)
    hardware = opening.same_kind(directory)
    settings, problem = opening.reopen(directory, hardware)
    chosen = _certified(directory, settings)
    if not chosen:
        return []
    asked = EvaluatorSettings(
        accept=settings.precision, gate_path=machine_gate(), build_seconds=settings.build_timeout_s
    )
    with tempfile.TemporaryDirectory(prefix="egg-again-") as build_dir:
        evaluator = Evaluator(problem, hardware, Path(build_dir), asked)
        try:
            return [(first, evaluator.judge(*kernel, Effort.FULL)) for *kernel, first in chosen]
        except WorkerFailure as failure:
            raise UserError(failure.reason) from None
        finally:
            evaluator.close()


def _certified(directory: RunDirectory, settings: Settings) -> list[tuple[Candidate, Configuration, Verdict]]:
    with directory.read() as reader:
        stood = [each for each in reader.certified() if settings.admission(each[1])]
        stood.sort(key=lambda each: each[1].timing.ms.value)
        return [(reader.candidate(job.candidate), job.configuration, verdict) for job, verdict in stood[:_KERNELS]]
