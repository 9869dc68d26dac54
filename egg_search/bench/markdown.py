"""A suite's results as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from egg_search.bench.aggregates import Aggregate, Reach, aggregates, mean, measuring, reaches
from egg_search.bench.scores import Entry, Score
from egg_search.reports.rivals import has_classes, is_tuned
from egg_search.reports.summary import EAGER
from egg_search.reports.text import milliseconds, ratio

_READ = (
    "Speedups are the baseline's time over the best found's. {baselines} 'error' is the distance to float64 in norm. "
    "Rough (~) is where the machine was too busy: the 95 % interval spans more than a factor of 1.25."
)
_ONE_KIND = "'eager' is PyTorch as it ships, 'compile' is torch.compile."
_CLASSES = (
    "'eager' and 'compile' (torch.compile) are as exact as the class: strict float32 for faithful, else TF32; "
    "'shipped' is eager as PyTorch ships it, with convolutions in TF32."
)
_READ_TUNED = " 'max-autotune' is torch.compile in that mode, without CUDA graphs."
_READ_ROOFLINE = (
    " GB/s and TFLOP/s are the least work of the problem over the best's time, 'roofline' its share of what this GPU "
    "was measured to reach (of the lower roof, which is named), 'over eager's' the error over that of eager in strict "
    "float32. 'measuring' is the share of the search in which the GPU was busy with checks and timings."
)


def page(scores: Sequence[Score], failures: Mapping[str, str], command: str, machine: Mapping[str, Any]) -> str:
    """`machine` is a run directory's hardware.json; `command` what makes this page again."""
    layout = _Layout(scores)
    rate, overhead = mean([s.per_device for s in scores]), mean([s.overhead_ms for s in scores])
    busy = f" Measuring: {_share(measuring(scores))} of the search." if layout.roofline else ""
    parts = [
        "# Benchmark",
        _made_by(command, machine),
        _READ.format(baselines=_CLASSES if layout.classes else _ONE_KIND)
        + _READ_TUNED * layout.tuned
        + _READ_ROOFLINE * layout.roofline,
        _table([layout.aggregate(each) for each in aggregates(scores)]),
        *([_table(list(map(_reach, reaches(scores))))] if layout.roofline else []),
        f"C{layout.rate[1:]}: {rate:.2f} on average. Engine overhead: {overhead:.1f} ms a configuration.{busy}",
        _table([row for each in scores for row in layout.rows(each)]),
    ]
    if failures:
        parts.append("No result:\n\n" + "\n".join(f"- {name}: {why}" for name, why in failures.items()))
    return "\n\n".join(parts) + "\n"


class _Layout:
    """Which columns there are: those about precision classes, max-autotune and rooflines only where baselines and
    verdicts know of them. A row maps columns to cells."""

    def __init__(self, scores: Sequence[Score]) -> None:
        self.classes = any(has_classes(each.baselines_ms) for each in scores)
        self.tuned = any(is_tuned(each.baselines_ms) for each in scores)
        self.roofline = any(entry.roofline for each in scores for entry in each.best.values())
        self.rate = "configurations a second" + " and GPU" * self.classes

    def aggregate(self, each: Aggregate) -> dict[str, str]:
        shipped = {
            "geomean vs shipped": ratio(each.geomean_vs_shipped),
            "median vs shipped": ratio(each.median_vs_shipped),
        }
        tuned = {
            "geomean vs max-autotune": ratio(each.geomean_vs_tuned),
            "median vs max-autotune": ratio(each.median_vs_tuned),
        }
        return {
            "class": each.precision,
            "problems": str(each.problems),
            "geomean vs eager": ratio(each.geomean_vs_eager),
            "median vs eager": ratio(each.median_vs_eager),
            "geomean vs compile": ratio(each.geomean_vs_compile),
            "median vs compile": ratio(each.median_vs_compile),
            **(tuned if self.tuned else {}),
            **(shipped if self.classes else {}),
            "worst vs better of both": ratio(each.worst_vs_better),
            "rough": str(each.rough),
        }

    def rows(self, score: Score) -> Iterable[dict[str, str]]:
        """A row for each class in which there is something faster than in the more exact ones."""
        for entry in score.new.values() or [None]:
            yield {"problem": score.problem, **self._entry(score, entry), **self._search(score)}

    def _entry(self, score: Score, entry: Entry | None) -> dict[str, str]:
        if entry is None:
            known = {"eager ms": milliseconds(score.eager_ms), "compile ms": milliseconds(score.compile_ms)}
            return known | {"structure": "found nothing correct"}
        return {
            "eager ms": milliseconds(entry.eager_ms),
            "compile ms": milliseconds(entry.compile_ms),
            **({"max-autotune ms": milliseconds(entry.tuned_ms)} if self.tuned else {}),
            "class": entry.precision,
            "best ms": milliseconds(entry.ms),
            "vs eager": ratio(entry.vs_eager, entry.eager in entry.rough),
            "vs compile": ratio(entry.vs_compile, entry.compile in entry.rough),
            **({"vs max-autotune": ratio(entry.vs_tuned, entry.tuned in entry.rough)} if self.tuned else {}),
            **({"vs shipped": ratio(entry.vs_shipped, EAGER in entry.rough)} if self.classes else {}),
            "error": f"{entry.error:.1e}",
            "eager's error": f"{entry.eager_error:.1e}",
            **(_reached(entry) if self.roofline else {}),
            "generated": _share(entry.generated_share),
            "structure": entry.structure,
        }

    def _search(self, score: Score) -> dict[str, str]:
        busy = {"measuring": _share(score.measuring)} if self.roofline else {}
        return {self.rate: f"{score.per_device:.2f}", **busy, "overhead ms": f"{score.overhead_ms:.1f}"}


def _share(share: float | None) -> str:
    return "-" if share is None or isnan(share) else f"{share:.0%}"


def _reached(entry: Entry) -> dict[str, str]:
    """The error's ratio only where products decide: elsewhere both errors are a rounding or two."""
    found = entry.roofline
    if not found:
        return dict.fromkeys(("over eager's", "GB/s", "TFLOP/s", "roofline"), "-")
    roof = found["bound"]
    held = f", held up by {entry.bottleneck}" if entry.bottleneck not in (None, roof) else ""
    return {
        "over eager's": ratio(entry.error_ratio) if roof == "compute" else "-",
        "GB/s": f"{found['gb_s']:.4g}",
        "TFLOP/s": f"{found['tflop_s']:.3g}",
        "roofline": f"{found['fraction']:.0%} of {roof}{held}",
    }


def _reach(each: Reach) -> dict[str, str]:
    return {
        "class": each.precision,
        "memory-bound": str(each.memory_bound),
        "median of bandwidth": _percent(each.median_bandwidth),
        "compute-bound": str(each.compute_bound),
        "geomean vs eager": ratio(each.compute_geomean_vs_eager),
        "geomean vs compile": ratio(each.compute_geomean_vs_compile),
        "median of roofline": _percent(each.compute_median_fraction),
        "median error over eager's": ratio(each.compute_median_error_ratio),
        "worst error over eager's": ratio(each.compute_worst_error_ratio),
        "no less exact than eager": str(each.compute_as_exact),
        "geomean of these vs strict eager": ratio(each.compute_as_exact_geomean_vs_eager),
    }


def _percent(share: float) -> str:
    return "-" if isnan(share) else f"{share:.1%}"


def _made_by(command: str, machine: Mapping[str, Any]) -> str:
    hardware = machine["hardware"]
    cores = f"{hardware['cores']} {'multiprocessors' if hardware['kind'] == 'cuda' else 'cores'}"
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"Made by `{command}` on {hardware['model']}, {cores}. With {versions}."


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    """Columns are the keys, in the order of the fullest row; what a row lacks is "-"."""
    names = list(max(rows, key=len, default={}))
    lines = [names, ["---"] * len(names), *([row.get(name, "-") for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
