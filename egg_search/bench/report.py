"""Writes what a suite has measured so far."""

from __future__ import annotations

import json
from pathlib import Path

from egg_search.bench.aggregates import to_json
from egg_search.bench.markdown import page
from egg_search.bench.scores import score
from egg_search.bench.suite import Suite
from egg_search.reports.summary import summarize
from egg_search.rundir import RunDirectory


def write_report(suite: Suite, out: Path, command: str) -> list[Path]:
    """bench.md and bench.json in `out`; [] while no problem was begun."""
    done = suite.done()
    if not done:
        return []
    scores = [score(summarize(path)) for path in done]
    machine = RunDirectory(done[0]).hardware()
    written = [out / "bench.md", out / "bench.json"]
    written[0].write_text(page(scores, suite.failures, command, machine))
    record = {"command": command, "machine": machine, **to_json(scores), "failures": suite.failures}
    written[1].write_text(json.dumps(record, indent=2) + "\n")
    return written
