"""The front as a picture: speed against error."""

from __future__ import annotations

from pathlib import Path

from egg_search.reports.summary import COMPILE, EAGER, Summary

_EXACT = 1e-10  # where an error of zero is drawn on the logarithmic axis
_MARGIN = 3.0  # a factor: above and below what is shown


def draw(summary: Summary, path: Path) -> None:
    """A PNG. The baselines are vertical lines; PyTorch eager's own error is a horizontal one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    times = [point.ms for point in summary.front]
    errors = [max(point.verdict.errors.norm, _EXACT) for point in summary.front]
    axes.plot(times, errors, "o-", color="tab:green", label="found")
    for point, x, y in zip(summary.front, times, errors, strict=True):
        axes.annotate(f"{point.speedup(EAGER):.2f}x", (x, y), textcoords="offset points", xytext=(5, 5))
    for name, style in ((EAGER, "--"), (COMPILE, ":")):
        if name in summary.baselines_ms:
            axes.axvline(summary.baselines_ms[name], color="tab:gray", linestyle=style, label=name)
    eager_error = max(summary.front[0].verdict.errors.eager_norm, _EXACT)
    axes.axhline(eager_error, color="tab:blue", linewidth=0.8, label="error of eager")
    shown = [*errors, eager_error]
    axes.set_ylim(min(shown) / _MARGIN, max(shown) * _MARGIN)  # also where all are the same
    axes.set(xlabel="milliseconds a call", ylabel="error against float64", xscale="log", yscale="log")
    axes.set_title(summary.problem)
    axes.legend()
    figure.savefig(path, dpi=130)
