"""Problems: files in KernelBench's format.

Light to import: `loading`, `validation`, `variants` and `outputs` need torch and are imported by their own names.
"""

from egg_search.core.problem.overrides import overridden_source, parse_overrides
from egg_search.core.problem.problem import Problem

__all__ = ["Problem", "overridden_source", "parse_overrides"]
