"""The build stage: a candidate is imported once where a compiler may run; what it compiles is cached by content."""

from evaluator.build.build import BuildReport, build

__all__ = ["BuildReport", "build"]
