"""The comment above an exported module: what was measured, on what, against which baselines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from egg_search.reports.summary import Point
from egg_search.reports.text import milliseconds, ratio

WIDTH = 116


def with_header(point: Point, row: Mapping[str, Any], machine: Mapping[str, Any], certified: bool) -> str:
    """The point's source under its header. A comment only: the module does what was measured.

    Its lines begin with `#|`, so that no word of theirs can be taken for a knob or for facts.
    """
    lines = [line for paragraph in _paragraphs(point, row, machine, certified) for line in _wrap(paragraph)]
    return "".join(f"#| {line}".rstrip() + "\n" for line in lines) + "\n" + point.source


def _paragraphs(point: Point, row: Mapping[str, Any], machine: Mapping[str, Any], certified: bool) -> list[str]:
    timing, errors, hardware = point.verdict.timing, point.verdict.errors, machine["hardware"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    judged = "judged again in full, with fresh seeds, when the search ended" if certified else "as the search saw it"
    share = point.verdict.generated_share
    return [
        f"{row['module']}: a drop-in for the problem's Model, found by EGG search.",
        "",
        f"Time: {milliseconds(timing.ms.value)} ms a call (95 % interval {milliseconds(timing.ms.low)} to "
        f"{milliseconds(timing.ms.high)}), {timing.samples} samples, {judged}.",
        *(
            f"Against {name}: {ratio(row['speedups'][name])} ({milliseconds(ms)} ms)."
            for name, ms in row["baselines_ms"].items()
        ),
        *(["Others used the GPU meanwhile: times and speedups are rough."] if point.shared else []),
        f"Precision: {errors.precision}. Error against float64 {errors.norm:.2e} in norm and {errors.worst:.2e} at the "
        f"worst element; PyTorch eager has {errors.eager_norm:.2e} in norm.",
        *([f"Generated code takes {share:.0%} of the time; the rest is PyTorch's."] if share is not None else []),
        f"Measured on {hardware['model']}, {hardware['cores']} cores, for the problem's own shapes.",
        f"With {versions}.",
        "",
        f"Structure: {point.structure}",
        f"Principles: {', '.join(point.principles) or 'none'}",
    ]


def _wrap(paragraph: str) -> list[str]:
    return textwrap.wrap(" ".join(paragraph.split()), WIDTH, subsequent_indent="    ") or [""]
