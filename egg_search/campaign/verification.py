"""One kernel judged without a campaign."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egg_search.archive import Admission
from egg_search.campaign.isolation import isolation_record
from egg_search.campaign.notices import notices
from egg_search.campaign.versions import versions
from egg_search.cluster.base import survey_by
from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware, detect
from egg_search.core.problem import Problem
from egg_search.core.problem.validation import validate
from egg_search.core.sharing import used_by_others
from egg_search.core.survey import Survey
from egg_search.core.verdict import Outcome, PrecisionClass, Verdict
from evaluator.evaluator import Evaluator
from evaluator.gate import machine_gate
from evaluator.isolation.failure import WorkerFailure
from evaluator.settings import Effort, EvaluatorSettings
from evaluator.static import static_flags

_COMPILING = (Outcome.BUILD_FAILED, Outcome.LOAD_FAILED)


@dataclass(frozen=True)
class Verification:
    """`survey` says nothing of baselines where the kernel was refused: nothing else was measured then."""

    candidate: Candidate
    problem: Problem
    hardware: Hardware
    verdict: Verdict
    survey: Survey

    def to_json(self) -> dict[str, Any]:
        """The verdict's own keys, and what it rests on."""
        return {
            **self.verdict.to_json(),
            "candidate": self.candidate.id,
            "problem": {
                "name": self.problem.name,
                "id": self.problem.id,
                "overrides": self.problem.overrides,
            },
            "hardware": self.hardware.facts(),
            "versions": versions(),
            "isolation": isolation_record(),
            "baseline_failures": dict(self.survey.failures),
            "notes": list(self.survey.notes),
            "machine_notes": list(self.survey.cluster),
        }


def verification(
    candidate: Candidate, problem: Problem, accept: PrecisionClass, library_ports: bool = True, device: str = "auto"
) -> Verification:
    """Raises UserError where the kernel cannot be judged: an unfit problem, or a compiler that it needs is missing."""
    if device == "auto" and candidate.dialect is Dialect.CPP:  # for CPUs, whatever else there is
        device = "cpu"
    hardware = detect(device)
    flags = static_flags(candidate.source)
    if refused := Admission(accept, library_ports).refusal_by_flags(flags):
        return Verification(candidate, problem, hardware, Verdict(Outcome.REFUSED, refused, flags), Survey())
    if hardware.kind == "cpu":
        validate(problem)
    with tempfile.TemporaryDirectory(prefix="egg-verify-") as build_dir:
        settings = EvaluatorSettings(accept=accept, gate_path=machine_gate())
        machine = notices(hardware, device, [candidate.dialect]), [used_by_others(hardware)]  # before it is ours
        evaluator = Evaluator(problem, hardware, Path(build_dir), settings)
        try:
            verdict = evaluator.judge(candidate, candidate.default_configuration, Effort.FULL)
            survey = (survey_by(evaluator) if verdict.ok else Survey()).on(*machine)
        except WorkerFailure as failure:
            raise UserError(failure.reason) from None
        finally:
            evaluator.close()
    if verdict.outcome in _COMPILING and shutil.which("g++") is None:
        raise UserError(f"no g++ on PATH, and the kernel does not load without: {verdict.reason}")
    return Verification(candidate, problem, hardware, verdict, survey)
