"""All flags of a candidate, read off its syntax tree. Each is "code: reason"; codes are stable."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from egg_search.core.syntax import parse
from evaluator.static.fallback import fall_backs
from evaluator.static.imports import suspicious_imports
from evaluator.static.kernels import LIBRARY_ONLY, kernel_flags
from evaluator.static.module import Module
from evaluator.static.patches import GLOBAL_SETTING, patches
from evaluator.static.reach import reaches_outside
from evaluator.static.runtime import dynamic_code, frame_walks

__all__ = ["GLOBAL_SETTING", "LIBRARY_ONLY", "UNREADABLE", "code_of", "has_flag", "static_flags"]

UNREADABLE = "unreadable"
_KINDS = (suspicious_imports, dynamic_code, frame_walks, reaches_outside, patches, kernel_flags, fall_backs)


@lru_cache(maxsize=64)  # many configurations are judged of one source
def static_flags(source: str) -> tuple[str, ...]:
    """Sorted lines of code and reason. The source parses (a candidate's does)."""
    try:
        module = Module(parse(source))
        return tuple(sorted({f"{code}: {reason}" for kind in _KINDS for code, reason in kind(module)}))
    except RecursionError:
        return (f"{UNREADABLE}: nested too deeply to be analysed",)


def code_of(flag: str) -> str:
    return flag.partition(":")[0]


def has_flag(flags: Iterable[str], code: str) -> bool:
    return any(code_of(flag) == code for flag in flags)
