"""The source of one product as it grows: its Triton functions, the constants of each, and their launches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.text import constants, helpers, indented, kernel, launch, parameters, pointer_types


@dataclass
class Functions:
    """`name` is that of the function that launches all others, in their order."""

    graph: Graph
    name: str
    settings: Settings
    _source: list[str] = field(default_factory=list)
    _statements: list[str] = field(default_factory=list)

    def scratch(self, name: str, size: str, dtype: str, make: str = "empty") -> None:
        """A tensor that lives as long as the call."""
        self._statements.append(f"{name} = torch.{make}({size}, dtype=torch.{dtype}, device=_EGG_DEVICE)")

    def add(
        self,
        suffix: str,
        body: Sequence[str],
        values: Mapping[str, str],
        grid: str,
        warps: str,
        reads: Sequence[int] = (),
        writes: Sequence[int] = (),
        scratch: Mapping[str, str] | None = None,
    ) -> None:
        """One more function. `values` are constants that it may use, `scratch` further pointers and torch's names of
        their types."""
        name, text, scratch = f"{self.name}_{suffix}", "\n".join(body), scratch or {}
        used = {c: value for c, value in values.items() if re.search(rf"\b{c}\b", text)}
        types = [*pointer_types(self.graph, [*reads, *writes]), *scratch.values()]
        pointers = parameters(reads, writes, scratch)
        self._source += [*kernel(name, pointers, used, body), "", ""]
        self._source += [*constants(name, types, {**used, "num_warps": warps}), "", ""]
        self._statements.append(launch(name, f"({grid},)", pointers))

    def code(self, reads: Sequence[int], writes: Sequence[int]) -> KernelCode:
        launcher = [f"def {self.name}({', '.join(parameters(reads, writes))}):", *indented(self._statements)]
        source = "\n".join([*self._source, *launcher])
        knobs = self.settings.knobs([*self.settings.decisions])
        return KernelCode(self.name, source, tuple(reads), tuple(writes), knobs, helpers(source))
