"""Static analysis: it flags, and never rejects. Behaviour rejects."""

from evaluator.static.flags import GLOBAL_SETTING, LIBRARY_ONLY, UNREADABLE, code_of, has_flag, static_flags

__all__ = ["GLOBAL_SETTING", "LIBRARY_ONLY", "UNREADABLE", "code_of", "has_flag", "static_flags"]
