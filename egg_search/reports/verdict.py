"""One verdict as text."""

from __future__ import annotations

from egg_search.core.survey import Survey
from egg_search.core.verdict import Verdict
from egg_search.reports.roofline import roofline_lines
from egg_search.reports.text import milliseconds, ratio, survey_lines


def verdict_text(verdict: Verdict, survey: Survey) -> str:
    """A few lines: accepted or refused, what was measured, and what to know besides."""
    notes = [f"note: {line}" for line in (*verdict.flags, *survey_lines(survey))]
    if not verdict.ok:
        return "\n".join([f"refused: {verdict.outcome}: {verdict.reason}", *notes])
    timing, errors, rough = verdict.timing, verdict.errors, survey.shared
    lines = [
        f"accepted: {errors.precision}",
        f"error against float64: {errors.norm:.2e} in norm, {errors.worst:.2e} at the worst element "
        f"(PyTorch eager {errors.eager_norm:.2e} in norm)",
        f"time: {milliseconds(timing.ms.value, rough)} ms a call "
        f"({milliseconds(timing.ms.low)} to {milliseconds(timing.ms.high)})",
    ]
    for name, each in timing.speedups.items():
        baseline, value = milliseconds(timing.baselines_ms.get(name), rough), ratio(each.value, rough)
        lines.append(f"against {name} ({baseline} ms): {value} ({ratio(each.low)} to {ratio(each.high)})")
    lines += roofline_lines(verdict)
    if verdict.generated_share is not None:
        lines.append(f"generated code: {verdict.generated_share:.0%} of the time")
    if phases := verdict.resources.get("phases"):
        spent = ", ".join(f"{name} {seconds:.2g} s" for name, seconds in phases.items() if seconds >= 0.01)
        lines.append(f"judged in {verdict.build_seconds + verdict.run_seconds:.2g} s: {spent}")
    return "\n".join([*lines, *notes])
