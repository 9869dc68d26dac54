"""`egg verify`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from egg_search.core.candidate import Candidate

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
    device: Annotated[str, Option(help="auto: the GPU where there is one; cpu or cuda insist.")] = "auto",
    isolation: Annotated[
        str, Option(help="auto: every layer that this machine has; strict: only with all of them.")
    ] = "auto",
    as_json: Annotated[bool, Option("--json", help="Print the whole verdict, and what it rests on, as JSON.")] = False,
) -> None:
    """Judge one kernel against a problem: is it correct, how exact, how fast.

    Exit code 0: accepted. 1: refused, with the reason. 2: it could not be judged.
    """
    from egg_search.cli import NOTHING, OK, inputs
    from egg_search.core.problem import Problem, parse_overrides

    path = inputs.find_problem(problem)
    accept = inputs.precision_class(precision)
    from egg_search.campaign.isolation import isolation_mode, require_layers

    require_layers(isolation_mode(isolation))
    candidate = read_candidate(kernel)
    judged = Problem.from_file(path, parse_overrides(set_ or ()), profile)
    from egg_search.campaign.verification import verification
    from egg_search.reports.text import jsonable
    from egg_search.reports.verdict import verdict_text

    found = verification(candidate, judged, accept, not no_library_ports, device)
    if as_json:
        print(json.dumps(jsonable(found.to_json()), indent=2))
    else:
        print(verdict_text(found.verdict, found.survey))
    raise typer.Exit(OK if found.verdict.ok else NOTHING)


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
