"""A problem: a file in KernelBench's format, with overrides of its module-level constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egg_search.core.candidate import content_hash
from egg_search.core.problem.overrides import overridden_source
from egg_search.core.problem.source import read_profiles, read_source, require_definitions

if TYPE_CHECKING:
    from egg_search.core.problem.loading import LoadedProblem


@dataclass(frozen=True)
class Problem:
    """Source text plus overrides; `id` is the hash of both. Cheap and picklable: code runs only in `load`.

    The problem is trusted: it is the user's own file.
    """

    name: str
    source: str  # as on disk, before overrides
    overrides: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_file(
        cls, path: str | Path, overrides: Mapping[str, Any] | None = None, profile: str | None = None
    ) -> Problem:
        """Reads `path`; its name is the file's stem. `overrides` win over those of the named `profile`.

        Raises UserError for a file that is missing, does not parse, or lacks Model, get_inputs or get_init_inputs,
        for a profile that `PROFILES` does not name, and for an override of something that is no constant.
        """
        path = Path(path)
        source = read_source(path)
        require_definitions(source, path)
        chosen = read_profiles(source, path, profile) if profile is not None else {}
        chosen.update(overrides or {})
        overridden_source(source, chosen, where=str(path))
        return cls(path.stem, source, chosen)

    @cached_property
    def id(self) -> str:
        return content_hash(self.source, repr(sorted(self.overrides.items())))

    @cached_property
    def effective_source(self) -> str:
        """The source with the overrides written into it; this is what candidates carry."""
        return overridden_source(self.source, self.overrides, where=f"{self.name}.py")

    def with_overrides(self, overrides: Mapping[str, Any]) -> Problem:
        """The same problem with further overrides, e.g. those of a shape variant."""
        return replace(self, overrides={**self.overrides, **overrides})

    def load(self, device: str = "cpu") -> LoadedProblem:
        """Executes the file; models and inputs will be on `device`. Raises UserError when that fails."""
        from egg_search.core.problem.loading import load  # imports torch, which takes seconds

        return load(self, device)
