"""`egg bench`"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from egg_search.bench.suite import Suite
    from egg_search.campaign import Settings


def bench(
    problems: Annotated[
        list[str] | None, Argument(help="Problem files or names of bundled problems. Default: all bundled ones.")
    ] = None,
    budget: Annotated[str, Option(help="Time for the search on each problem.")] = "60s",
    evaluations: Annotated[int | None, Option(min=1, help="Configurations for each problem, at the most.")] = None,
    out: Annotated[Path, Option(help="Run directories and tables go here. The same again goes on.")] = Path(
        "runs/bench"
    ),
    profile: Annotated[str | None, Option(help="Sizes. Default for bundled problems: those for the device.")] = None,
    precision: Annotated[str, Option(help="The loosest class to keep: faithful, tf32, half or loose.")] = "faithful",
    no_library_ports: Annotated[bool, Option("--no-library-ports", help="As for `egg run`.")] = False,
    max_autotune: Annotated[bool, Option("--max-autotune", help="As for `egg run`.")] = False,
    seed: Annotated[int, Option(help="Every random choice of the searches comes from it.")] = 0,
    device: Annotated[str, Option(help="As for `egg run`.")] = "auto",
    ray_address: Annotated[str | None, Option(help="As for `egg run`.")] = None,
    parallel: Annotated[
        int | None, Option(min=1, help="Problems at a time. Default: one on each GPU; on CPUs one after the other.")
    ] = None,
    judging: Annotated[
        bool, Option("--judging", help="No search: what the evaluator itself costs on each problem, and isolation.")
    ] = False,
    again: Annotated[
        bool, Option("--again", help="No search: time what the runs in OUT have found once more, and compare.")
    ] = False,
) -> None:
    """Search on many problems and write one table: bench.md and bench.json in OUT.

    Can be stopped and started again: finished problems are skipped, a half-done one goes on.
    """
    from egg_search.cli import OK, bench_only, inputs

    inputs.require_compiler(device)
    paths = _paths(problems)
    chosen, profile = inputs.precision_class(precision), _profile(profile, paths, device)
    if judging:
        bench_only.judging(paths, profile, device)
        raise typer.Exit(OK)
    from egg_search.bench.suite import Suite
    from egg_search.campaign import Settings, parse_duration

    settings = Settings(
        problem="",
        profile=profile,
        budget_s=parse_duration(budget),
        max_evaluations=evaluations,
        seed=seed,
        precision=chosen,
        library_ports=not no_library_ports,
        max_autotune=max_autotune,
        ray_address=ray_address,
        device=device,
        experience=False,  # tables must not depend on what was searched before
    )
    suite = Suite(out / "runs", paths, settings)
    if again:
        bench_only.again(suite, _parallel(parallel, settings))
        raise typer.Exit(OK)
    options = {
        "budget": budget,
        "out": out,
        "seed": seed,
        "device": device if device != "auto" else None,
        "evaluations": evaluations,
        "profile": profile,
        "precision": precision,
        "ray-address": ray_address,
        "parallel": parallel,
    }
    flags = {"no-library-ports": no_library_ports, "max-autotune": max_autotune}
    command = _command(problems or (), options, flags)
    raise typer.Exit(_search(suite, _parallel(parallel, settings), command))


def _search(suite: Suite, parallel: int, command: str) -> int:
    """The exit code."""
    from egg_search.bench.report import write_report
    from egg_search.cli import INTERRUPTED, NOTHING, OK
    from egg_search.cli.many import run_suite

    complete = run_suite(suite, parallel)
    for path in write_report(suite, suite.runs.parent, command):
        print(path)
    if not complete:
        print("stopped; the same command goes on")
        return INTERRUPTED
    return NOTHING if suite.failures else OK


def _command(problems: Sequence[str], options: Mapping[str, Any], flags: Mapping[str, bool]) -> str:
    """What makes the same table again; None stands for an option that was not given."""
    given = [f"--{option}={value}" for option, value in options.items() if value is not None]
    return shlex.join(["egg", "bench", *problems, *given, *(f"--{flag}" for flag, on in flags.items() if on)])


def _profile(asked: str | None, paths: dict[str, Path], device: str) -> str | None:
    from egg_search.core.hardware import detect
    from egg_search.problems import PROFILES, bundled

    return PROFILES[detect(device).kind] if asked is None and set(paths.values()) <= set(bundled().values()) else asked


def _parallel(asked: int | None, settings: Settings) -> int:
    """Raises UserError where a Ray cluster does the spreading."""
    from egg_search.bench.places import default_parallel, joins_cluster
    from egg_search.core.errors import UserError

    if asked is not None and asked > 1 and joins_cluster(settings.ray_address):
        raise UserError(f"--parallel {asked}: a Ray cluster spreads every campaign over its machines; leave it out")
    return asked or default_parallel(settings.device, settings.ray_address)


def _paths(problems: list[str] | None) -> dict[str, Path]:
    """Name to path. Raises UserError when two files have one name, since run directories are named after them."""
    from egg_search.cli.inputs import find_problem
    from egg_search.core.errors import UserError
    from egg_search.problems import bundled

    if not problems:
        return bundled()
    paths: dict[str, Path] = {}
    for text in problems:
        path = find_problem(text)
        if not path.is_file():
            raise UserError(f"{path}: no such file")
        if path.stem in paths:
            raise UserError(f"{path}: another problem is named {path.stem}, too; rename one of the files")
        paths[path.stem] = path
    return paths
