"""The source of one product as it grows: its Triton functions, the constants of each, and their launches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Kept, KernelCode
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.text import (
    constants,
    helpers,
    indented,
    kernel,
    launch,
    parameters,
    pointer_types,
    torch_type,
)


@dataclass
class _Statements:
    """The body of a function that launches others, and which nodes these read."""

    lines: list[str] = field(default_factory=list)
    reads: set[int] = field(default_factory=set)


@dataclass
class Functions:
    """`name` is that of the function that launches all others, in their order. What is done `once` is done by another
    one, of parameters and buffers alone, whose scratch is kept from call to call."""

    graph: Graph
    name: str
    settings: Settings
    _source: list[str] = field(default_factory=list)
    _calls: _Statements = field(default_factory=_Statements)
    _once: _Statements = field(default_factory=_Statements)
    _kept: list[str] = field(default_factory=list)

    def define(self, lines: Sequence[str]) -> None:
        """Statements of the module, ahead of the functions that follow."""
        self._source += [*lines, "", ""]

    def prepare(self, statement: str) -> None:
        """A statement of every call, in the order of the launches."""
        self._calls.lines.append(statement)

    def scratch(self, name: str, size: str, dtype: str, make: str = "empty", once: bool = False) -> None:
        """A tensor that lives as long as the call, or what is kept."""
        text = f"{name} = torch.{make}({size}, dtype={torch_type(dtype)}, device=_EGG_DEVICE)"
        self._statements(once).lines.append(text)
        self._kept += [name] if once else []

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
        once: bool = False,
    ) -> None:
        """One more function. `values` are constants that it may use, `scratch` further pointers and torch's names of
        their types."""
        name, text, scratch = f"{self.name}_{suffix}", "\n".join(body), scratch or {}
        used = {c: value for c, value in values.items() if re.search(rf"\b{c}\b", text)}
        types = [*pointer_types(self.graph, [*reads, *writes]), *scratch.values()]
        pointers = parameters(reads, writes, scratch)
        self._source += [*kernel(name, pointers, used, body), "", ""]
        self._source += [*constants(name, types, {**used, "num_warps": warps}), "", ""]
        self._statements(once).lines.append(launch(name, f"({grid},)", pointers))
        self._statements(once).reads.update(reads)

    def code(self, reads: Sequence[int], writes: Sequence[int]) -> KernelCode:
        """`reads` are all that the functions read, in the order of the launcher's parameters."""
        mine, kept = tuple(i for i in reads if i in self._calls.reads), None
        source = self._source
        if self._kept:
            kept = Kept(f"{self.name}_keep", tuple(i for i in reads if i in self._once.reads), tuple(self._kept))
            made = [*self._once.lines, f"return ({', '.join(self._kept)},)"]
            source = [*source, f"def {kept.name}({', '.join(parameters(kept.reads, ()))}):", *indented(made), "", ""]
        head = f"def {self.name}({', '.join(parameters(mine, writes, self._kept))}):"
        text = "\n".join([*source, head, *indented(self._calls.lines)])
        knobs = self.settings.knobs([*self.settings.decisions])
        return KernelCode(self.name, text, mine, tuple(writes), knobs, helpers(text), kept)

    def _statements(self, once: bool) -> _Statements:
        return self._once if once else self._calls
