"""Which dialects a kind of hardware runs here, and why one is missing."""

from __future__ import annotations

from collections.abc import Callable

from egg_search.core.candidate import Dialect
from egg_search.core.triton_here import why_no_triton
from operators.authors.expert.cuda.available import why_unavailable

DIALECTS = {"cpu": (Dialect.CPP,), "cuda": (Dialect.TRITON, Dialect.CUDA)}


def _no_cuda() -> str | None:
    return why_no_triton() or why_unavailable()  # the device is held with a kernel of Triton's while calls are timed


_MISSING: dict[Dialect, Callable[[], str | None]] = {Dialect.TRITON: why_no_triton, Dialect.CUDA: _no_cuda}


def usable_dialects(kind: str) -> tuple[Dialect, ...]:
    """Those of the hardware whose compilers are here."""
    return tuple(each for each in DIALECTS[kind] if each not in missing_dialects(kind))


def missing_dialects(kind: str) -> dict[Dialect, str]:
    """Those of the hardware that go away, and why."""
    reasons = {each: _MISSING[each]() for each in DIALECTS[kind] if each in _MISSING}
    return {each: reason for each, reason in reasons.items() if reason}
