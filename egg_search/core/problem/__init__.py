"""Problems: files in KernelBench's format."""

from egg_search.core.problem.problem import Problem

__all__ = ["Problem"]
