"""The lines of a file that look most like some others."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

_MOST_LINES = 24


def nearest(lines: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """As many neighbouring lines of `lines` as are wanted (24 at the most), those whose texts are most alike."""
    wanted = [line for line in wanted if line.strip()][:_MOST_LINES] or list(wanted[:1])
    alike = [_likeness(lines, each) for each in wanted]
    size = min(len(wanted), len(lines))
    # Window by window; lines count where they stand, so that a moved line does not win over a changed one.
    scores = [sum(alike[k][start + k] for k in range(size)) for start in range(len(lines) - size + 1)]
    best = max(range(len(scores)), key=scores.__getitem__)
    return list(lines[best : best + size])


def _likeness(lines: Sequence[str], wanted: str) -> list[float]:
    """Of every line to `wanted`, 0 to 1."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted.strip()[:200])  # what is second is analysed once
    found: dict[str, float] = {}
    for line in lines:
        text = line.strip()[:200]
        if text not in found:
            matcher.set_seq1(text)
            found[text] = matcher.ratio() if matcher.real_quick_ratio() > 0.5 and matcher.quick_ratio() > 0.5 else 0.0
    return [found[line.strip()[:200]] for line in lines]
