"""Static analysis: it flags, and never rejects. Behaviour rejects."""

from evaluator.static.flags import static_flags

__all__ = ["static_flags"]
