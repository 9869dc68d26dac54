"""Candidates that compile in their first call."""

from __future__ import annotations

from egg_search.core.verdict import Outcome, Verdict

_STARTS = frozenset("clone fork vfork execve execveat".split())
_REFUSALS = ("PermissionError", "Permission denied", "Read-only file system", "Operation not permitted")


def wants_compiler(verdict: Verdict, denied: list[str]) -> bool:
    """Whether a candidate failed for want of something that it may have while it is loaded. A hint, from what the
    candidate says too: all that it brings is another chance, with a rehearsal before the worker is locked."""
    if verdict.outcome is not Outcome.RAISED:
        return False
    return bool(_STARTS & set(denied)) or any(text in verdict.reason for text in _REFUSALS)
