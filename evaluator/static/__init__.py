"""Static analysis: it flags, and never rejects. Behaviour rejects."""

from evaluator.static.flags import LIBRARY_ONLY, UNREADABLE, has_flag, static_flags

__all__ = ["LIBRARY_ONLY", "UNREADABLE", "has_flag", "static_flags"]
