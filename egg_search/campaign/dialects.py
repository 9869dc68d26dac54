"""Which dialects a kind of hardware runs here, and why one is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec

from egg_search.core.candidate import Dialect
from operators.authors.expert.cuda.available import why_unavailable

DIALECTS = {"cpu": (Dialect.CPP,), "cuda": (Dialect.TRITON, Dialect.CUDA)}


def _no_triton() -> str | None:
    if not find_spec("triton"):
        return "Triton is missing: install one of the extras cuda12 and cuda13"
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "Triton finds no C compiler, which builds its launchers; install one, for example: apt-get install gcc"
    return None


_MISSING: dict[Dialect, Callable[[], str | None]] = {Dialect.TRITON: _no_triton, Dialect.CUDA: why_unavailable}


def usable_dialects(kind: str) -> tuple[Dialect, ...]:
    """Those of the hardware whose compilers are here."""
    return tuple(each for each in DIALECTS[kind] if each not in missing_dialects(kind))


def missing_dialects(kind: str) -> dict[Dialect, str]:
    """Those of the hardware that go away, and why."""
    reasons = {each: _MISSING[each]() for each in DIALECTS[kind] if each in _MISSING}
    return {each: reason for each, reason in reasons.items() if reason}
