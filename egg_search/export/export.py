"""Writes a run's front into a folder."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from egg_search.core.errors import UserError
from egg_search.export.header import with_header
from egg_search.export.picture import draw
from egg_search.reports.summary import Point, Summary, summarize
from egg_search.reports.text import jsonable
from egg_search.rundir import RunDirectory


def export(run_path: Path, out: Path) -> list[Path]:
    """The modules written, fastest first, next to pareto.json, pareto.csv and pareto.png; [] for an empty front.

    Modules of an earlier export into `out` are removed. Raises UserError when `out` cannot be written.
    """
    summary = summarize(run_path)
    if not summary.front:
        return []
    run = RunDirectory(run_path)
    rows = [_row(summary, position, point) for position, point in enumerate(summary.front)]
    try:
        out.mkdir(parents=True, exist_ok=True)
        _remove_earlier(out)
        for point, row in zip(summary.front, rows, strict=True):
            (out / row["module"]).write_text(with_header(point, row, run.hardware(), summary.result.certified))
        head = {"problem": run.settings()["problem"], "certified": summary.result.certified, **run.hardware()}
        (out / "pareto.json").write_text(json.dumps(jsonable({**head, "front": rows}), indent=2) + "\n")
        (out / "pareto.csv").write_text(_csv(rows))
        draw(summary, out / "pareto.png")
    except OSError as error:
        raise UserError(f"{out}: cannot write the export: {error.strerror or error}") from None
    return [out / row["module"] for row in rows]


def _remove_earlier(out: Path) -> None:
    """The modules that an earlier pareto.json of `out` lists: what is no longer on the front must not look as if."""
    try:
        names = [row["module"] for row in json.loads((out / "pareto.json").read_text())["front"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return  # none, or not one of ours
    for name in names:
        if Path(name).name == name and name.endswith(".py"):
            (out / name).unlink(missing_ok=True)


def _row(summary: Summary, position: int, point: Point) -> dict[str, Any]:
    """One point with all that was measured of it; times in milliseconds."""
    timing, errors = point.verdict.timing, point.verdict.errors
    baselines = dict(point.baselines_ms) | timing.baselines_ms
    return {
        "module": f"{summary.problem}_{position}_{errors.precision}.py",
        "precision": str(errors.precision),
        "ms": timing.ms.value,
        "ms_low": timing.ms.low,
        "ms_high": timing.ms.high,
        "shared": point.shared,
        "baselines_ms": baselines,
        "speedups": {name: point.speedup(name) for name in baselines},
        "error_norm": errors.norm,
        "error_worst": errors.worst,
        "eager_error_norm": errors.eager_norm,
        "generated_share": point.verdict.generated_share,
        "structure": point.structure,
        "principles": list(point.principles),
        "candidate": point.elite.job.candidate,
        "configuration": dict(point.elite.job.configuration),
    }


def _csv(rows: list[dict[str, Any]]) -> str:
    """Nested values become columns (`speedups.eager`) or, where they differ from row to row, JSON."""
    flat = [_flatten(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(dict.fromkeys(name for row in flat for name in row)))
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _flatten(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("baselines_ms", "speedups"):
            flat |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            flat[name] = json.dumps(value) if isinstance(value, (list, dict)) else value
    return flat
