"""A suite's results as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from egg_search.bench.scores import Aggregate, Score, aggregates
from egg_search.reports.summary import COMPILE, EAGER
from egg_search.reports.text import milliseconds, ratio


def page(scores: Sequence[Score], failures: Mapping[str, str], command: str, machine: Mapping[str, Any]) -> str:
    """`machine` is a run directory's hardware.json; `command` what makes this page again."""
    hardware = machine["hardware"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    rate = _mean([each.configurations_per_second for each in scores])
    overhead = _mean([each.overhead_ms for each in scores])
    parts = [
        "# Benchmark",
        f"Made by `{command}` on {hardware['model']}, {hardware['cores']} cores. With {versions}.",
        "Speedups are the baseline's time over the best found's. 'eager' is PyTorch as it ships, 'compile' is "
        "torch.compile. 'error' is the distance to float64 in norm. Rough (~) is where the machine was too busy: the "
        "95 % interval spans more than a factor of 1.25.",
        _table(
            "class, problems, geomean vs eager, median vs eager, geomean vs compile, median vs compile, "
            "worst vs better of both, rough",
            map(_aggregate_row, aggregates(scores)),
        ),
        f"Configurations a second: {rate:.2f} on average. Engine overhead: {overhead:.1f} ms a configuration.",
        _table(
            "problem, eager ms, compile ms, class, best ms, vs eager, vs compile, error, eager's error, generated, "
            "structure, configurations a second, overhead ms",
            (row for each in scores for row in _score_rows(each)),
        ),
    ]
    if failures:
        parts.append("No result:\n\n" + "\n".join(f"- {name}: {why}" for name, why in failures.items()))
    return "\n\n".join(parts) + "\n"


def _aggregate_row(each: Aggregate) -> list[str]:
    ratios = (each.geomean_vs_eager, each.median_vs_eager, each.geomean_vs_compile, each.median_vs_compile)
    return [each.precision, str(each.problems), *map(ratio, ratios), ratio(each.worst_vs_better), str(each.rough)]


def _score_rows(each: Score) -> Iterable[list[str]]:
    """A row for each class in which there is something faster than in the more exact ones."""
    head = [each.problem, milliseconds(each.eager_ms), milliseconds(each.compile_ms)]
    tail = [f"{each.configurations_per_second:.2f}", f"{each.overhead_ms:.1f}"]
    entries = {entry.precision: entry for entry in each.best.values()}
    if not entries:
        yield [*head, *["-"] * 7, "found nothing correct", *tail]
    for precision, entry in entries.items():
        share = "-" if entry.generated_share is None else f"{entry.generated_share:.0%}"
        errors = (f"{entry.error:.1e}", f"{entry.eager_error:.1e}")
        ratios = (ratio(entry.vs_eager, EAGER in entry.rough), ratio(entry.vs_compile, COMPILE in entry.rough))
        yield [*head, precision, milliseconds(entry.ms), *ratios, *errors, share, entry.structure, *tail]


def _table(columns: str, rows: Iterable[Sequence[str]]) -> str:
    names = columns.split(", ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
