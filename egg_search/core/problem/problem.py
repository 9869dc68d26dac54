"""A problem: a file in KernelBench's format, with overrides of its module-level constants."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from egg_search.core.candidate import content_hash


@dataclass(frozen=True)
class Problem:
    """Source text plus overrides; `id` is the hash of both. Loading runs the file: the problem is trusted."""

    name: str
    source: str  # as on disk, before overrides
    overrides: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        return content_hash(self.source, repr(sorted(self.overrides.items())))
