"""Which dialects a kind of hardware runs here, and why one is missing."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from egg_search.core.candidate import Dialect
from operators.authors.expert.cuda.available import why_unavailable

DIALECTS = {"cpu": (Dialect.CPP,), "cuda": (Dialect.TRITON, Dialect.CUDA)}


def _no_triton() -> str | None:
    return None if find_spec("triton") else "Triton is not installed; for example: pip install 'triton>=3.6,<3.8'"


_MISSING: dict[Dialect, Callable[[], str | None]] = {Dialect.TRITON: _no_triton, Dialect.CUDA: why_unavailable}


def usable_dialects(kind: str) -> tuple[Dialect, ...]:
    """Those of the hardware whose compilers are here."""
    return tuple(each for each in DIALECTS[kind] if each not in missing_dialects(kind))


def missing_dialects(kind: str) -> dict[Dialect, str]:
    """Those of the hardware that go away, and why."""
    reasons = {each: _MISSING[each]() for each in DIALECTS[kind] if each in _MISSING}
    return {each: reason for each, reason in reasons.items() if reason}
