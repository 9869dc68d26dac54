"""Whether a worker that has judged a candidate may judge another configuration of it."""

from __future__ import annotations

from egg_search.core.verdict import Outcome, Verdict
from evaluator.judgement import CLOCK
from evaluator.static import GLOBAL_SETTING, LIBRARY_ONLY, code_of
from evaluator.trial import LAYOUT, NONDETERMINISTIC
from evaluator.worker.models import RESTORED

START_SECONDS = 0.25  # of a worker on a GPU


def leaves_no_trace(verdict: Verdict) -> bool:
    """As far as can be told: it was right, and no flag speaks of what would be there for the next one, too."""
    return verdict.outcome is Outcome.OK and all(map(_is_harmless, verdict.flags))


def _is_harmless(flag: str) -> bool:
    code = code_of(flag)
    restored = code == GLOBAL_SETTING and any(name in flag.split() for name in RESTORED)
    return restored or code in (LIBRARY_ONLY, NONDETERMINISTIC, LAYOUT, CLOCK)
