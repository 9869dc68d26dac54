"""What the shared part of module emission asks of a dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from egg_search.core.candidate import Dialect
from operators.authors.expert.generator import Generator
from operators.authors.expert.plan import KernelCode


class EmitDialect(Protocol):
    """A dialect of the expert: its generators, and how its kernels are compiled and called from Python."""

    dialect: Dialect
    device: str  # Python text of the torch device type that the kernels run on
    generators: Mapping[str, Generator]

    def definitions(self, kernels: Sequence[KernelCode]) -> str:
        """Module-level Python that builds the kernels at import; the knobs are defined above it."""
        ...

    def call(self, kernel: KernelCode, arguments: Sequence[str]) -> str:
        """One Python statement that launches `kernel` on these tensors: what it reads, then what it writes."""
        ...
