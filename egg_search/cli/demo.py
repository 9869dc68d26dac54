"""`egg demo`"""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option


def demo(
    budget: Annotated[str, Option(help="Time for the search on each problem.")] = "30s",
) -> None:
    """Run a real search on a few bundled problems: about three minutes of search, then one table for all."""
    from egg_search.cli import INTERRUPTED, NOTHING, OK, inputs

    inputs.require_compiler()
    from egg_search.bench.suite import Suite
    from egg_search.campaign import Settings, parse_duration
    from egg_search.cli.many import run_suite
    from egg_search.cli.search import show
    from egg_search.core.hardware import detect
    from egg_search.problems import DEMO, PROFILES, bundled

    problems = {name: bundled()[name] for name in DEMO}
    settings = Settings(problem="", profile=PROFILES[detect().kind], budget_s=parse_duration(budget), experience=False)
    suite = Suite(inputs.fresh_directory(inputs.RUNS / "demo"), problems, settings)
    complete = run_suite(suite)
    found = show(*suite.done())
    if not complete:
        print(f"stopped; each run can be resumed, for example: egg resume {suite.done()[-1]}")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(OK if found == len(problems) else NOTHING)
