"""`egg verify`"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from egg_search.core.candidate import Candidate
    from egg_search.core.problem import Problem
    from egg_search.core.verdict import PrecisionClass, Verdict

_MARKS = {"triton": "import triton", "cuda": "import cupy", "cpp": "ctypes"}


def verify(
    kernel: Annotated[Path, Argument(metavar="KERNEL.py", help="A file that defines ModelNew.")],
    problem: Annotated[str, Argument(metavar="PROBLEM.py", help="A problem file, or a bundled problem's name.")],
    profile: Annotated[str | None, Option(help="One of the problem's PROFILES of sizes.")] = None,
    set_: Annotated[list[str] | None, Option("--set", metavar="NAME=VALUE", help="Override a constant.")] = None,
    precision: Annotated[str, Option(help="The loosest class to accept: faithful, tf32, half or loose.")] = "faithful",
    no_library_ports: Annotated[
        bool, Option("--no-library-ports", help="Refuse a kernel that only calls torch's own operators.")
    ] = False,
    as_json: Annotated[bool, Option("--json", help="Print the whole verdict as JSON.")] = False,
) -> None:
    """Judge one kernel against a problem: is it correct, how exact, how fast.

    Exit code 0: accepted. 1: refused, with the reason. 2: it could not be judged.
    """
    from egg_search.cli import NOTHING, OK, inputs
    from egg_search.core.problem import Problem, parse_overrides

    inputs.require_compiler()
    path = inputs.find_problem(problem)
    accept = inputs.precision_class(precision)
    candidate = read_candidate(kernel)
    judged = refused_port(candidate) if no_library_ports else None
    judged = judged or _judge(candidate, accept, Problem.from_file(path, parse_overrides(set_ or ()), profile))
    from egg_search.reports.verdict import verdict_text

    print(json.dumps(judged.to_json(), indent=2) if as_json else verdict_text(judged))
    raise typer.Exit(OK if judged.ok else NOTHING)


def read_candidate(path: Path) -> Candidate:
    """The file as a candidate. Raises UserError when it cannot be read or is none."""
    from egg_search.core.candidate import Candidate, Dialect
    from egg_search.core.errors import UserError
    from egg_search.core.problem.source import read_source

    source = read_source(path)
    dialect = next((Dialect(name) for name, mark in _MARKS.items() if mark in source), Dialect.TORCH)
    try:
        return Candidate(source, dialect)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def refused_port(candidate: Candidate) -> Verdict | None:
    """The verdict on a candidate that loads no kernel of its own, known before anything runs."""
    from egg_search.core.verdict import Outcome, Verdict
    from evaluator.static import LIBRARY_ONLY, has_flag, static_flags

    flags = static_flags(candidate.source)
    if not has_flag(flags, LIBRARY_ONLY):
        return None
    return Verdict(Outcome.REFUSED, "a library port: no kernel is loaded, and --no-library-ports is given", flags)


def _judge(candidate: Candidate, accept: PrecisionClass, problem: Problem) -> Verdict:
    from egg_search.core.hardware import detect_cpu
    from egg_search.core.problem.validation import validate
    from evaluator.evaluator import Evaluator
    from evaluator.gate import machine_gate
    from evaluator.settings import Effort, EvaluatorSettings

    validate(problem)
    with tempfile.TemporaryDirectory(prefix="egg-verify-") as build_dir:
        settings = EvaluatorSettings(accept=accept, gate_path=machine_gate())
        evaluator = Evaluator(problem, detect_cpu(), Path(build_dir), settings)
        try:
            return evaluator.judge(candidate, candidate.default_configuration, Effort.FULL)
        finally:
            evaluator.close()
