"""A verdict in sentences, for those who interpret it or mend what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.verdict import Verdict
from operators.authors.llm.prompts.fence import quote
from operators.authors.llm.prompts.tokens import clipped
from operators.authors.llm.replies.note import one_line

_SHOWN = 5


def measured(verdict: Verdict, hardware: Hardware) -> str:
    """Time, speedups, precision, roofline, and what was seen of the kernels. The verdict is `ok`."""
    return quote("\n".join([*_sentences(verdict), *_kernels(verdict.resources.get("kernels", {}), hardware.cores)]))


def failure(verdict: Verdict, budget: int) -> str:
    """The outcome, and the compiler's message or the first wrong elements."""
    told = str(verdict.resources.get("message") or verdict.reason)
    return f"Outcome: {verdict.outcome}\n\n{quote(clipped(told, budget))}"


def _sentences(verdict: Verdict) -> Iterator[str]:
    if verdict.timing:
        speedups = ", ".join(f"{each.value:.3g}x {name}" for name, each in verdict.timing.speedups.items())
        yield f"a call takes {verdict.timing.ms.value:.4g} ms: {speedups or 'no baseline'}"
    if verdict.errors:
        yield f"precision {verdict.errors.precision}: error {verdict.errors.limit_ratio:.2g} of the faithful limit"
    resources = verdict.resources
    if roofline := resources.get("roofline"):
        yield f"it reaches {roofline['fraction']:.0%} of the roofline, whose lower roof is {roofline['bound']}"
    yield from (one_line(str(each)) for each in resources.get("diagnosis", {}).get("evidence", ()))
    yield from (f"flag {one_line(flag)}" for flag in verdict.flags)


def _kernels(kernels: Mapping[str, Any], cores: int) -> Iterator[str]:
    """Where the time goes, and whether there are blocks enough; what follows from counters is in the evidence."""
    total = kernels.get("us") or 0
    for kernel in kernels.get("longest", ())[:_SHOWN]:
        share = f" takes {kernel.get('microseconds', 0) / total:.0%} of the kernels' time" if total else " runs"
        blocks = f" in {prod(kernel['grid'])} blocks on {cores} multiprocessors" if kernel.get("grid") else ""
        yield f"kernel {one_line(kernel.get('name', '?'), 80)}{share}{blocks}"
