"""The source of one kernel as it grows: its Triton functions, the constants of each, and their launches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import DIVISION, EXPONENTIAL
from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.nest.frame import Frame, cols
from operators.authors.expert.triton.nest.schedule import power
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.text import constants, helpers, indented, kernel, launch, parameters, pointer_types


@dataclass
class Functions:
    """`name` is that of the function that launches all others, in their order."""

    nest: Nest
    name: str
    settings: Settings
    _source: list[str] = field(default_factory=list)
    _launches: list[str] = field(default_factory=list)
    _reads: set[int] = field(default_factory=set)
    _roles: dict[str, None] = field(default_factory=dict)  # decisions that matter to the code

    def constant(self, role: str) -> str:
        """The value of a decision in a launch or grid."""
        self._roles[role] = None
        return self.settings.text(role)

    def add(
        self,
        suffix: str,
        body: Sequence[str],
        reads: Sequence[int],
        writes: Sequence[int] = (),
        scratch: Mapping[str, str] | None = None,
        grid: str = "(1,)",
        values: Mapping[str, str] | None = None,
    ) -> None:
        """One more function. `scratch` are further pointers and torch's names of their types; `values` are constants
        of its own besides the common ones."""
        name, text, scratch = f"{self.name}_{suffix}", "\n".join(body), scratch or {}
        known = {**self.common, **(values or {})}
        used = {c: value for c, value in known.items() if re.search(rf"\b{c}\b", text)}
        for role in self.settings.decisions:
            if any(self.settings.text(role) in value for value in used.values()):
                self._roles[role] = None
        types = [*pointer_types(self.nest.graph, [*reads, *writes]), *scratch.values()]
        pointers = parameters(reads, writes, scratch)
        self._source += [*kernel(name, pointers, used, body), "", ""]
        self._source += [*constants(name, types, {**used, "num_warps": self.constant("num_warps")}), "", ""]
        self._launches.append(launch(name, grid, pointers))
        self._reads |= set(reads)

    def blocks(self) -> str:
        """How many blocks of rows there are."""
        role = "block" if "block" in self.settings.decisions else "rows_per_program"
        rows = self.nest.rows.numel
        return f"triton.cdiv({rows}, {self.constant(role)})" if rows > 1 else "1"

    def code(self, before: Sequence[str] = ()) -> KernelCode:
        """`before` are statements of the launching function, which allocate scratch."""
        reads, writes = tuple(sorted(self._reads)), self.nest.outputs
        launcher = [f"def {self.name}({', '.join(parameters(reads, writes))}):", *indented([*before, *self._launches])]
        source = "\n".join([*self._source, *launcher])
        return KernelCode(self.name, source, reads, writes, self.settings.knobs([*self._roles]), helpers(source))

    @property
    def common(self) -> dict[str, str]:
        """Constants that any function may use, with the text of their values."""
        decisions, text = self.settings.decisions, self.settings.text
        rows = next((r for r in ("block", "rows_per_program") if r in decisions), None)
        found = {"ROWS": text(rows)} if rows else {}
        found |= {"Y": text("tile_y"), "X": text("tile_x")} if "tile_y" in decisions else {}
        for number, space in enumerate(self.nest.spaces):
            most = power(space.numel)
            found[cols(number)] = str(most)
            if "col_block" in decisions:
                every = self.settings.every("col_block")
                found[cols(number)] = text("col_block") if max(every) <= most else f"min({text('col_block')}, {most})"
        found |= {role.upper(): text(role) if role in decisions else "0" for role in (DIVISION, EXPONENTIAL)}
        given = {"STAGES": "num_stages", "READS": "read_policy", "REREADS": "reread_policy", "STORES": "store_cache"}
        return found | {constant: text(role) for constant, role in given.items() if role in decisions}


def frame_of(nest: Nest, settings: Settings, wide: bool, held: bool) -> Frame:
    """The frame that needs no masks where every choice of a block size divides what there is."""
    rows = "block" if "block" in settings.decisions else "rows_per_program"
    whole = {nest.rows.numel} if settings.divides(rows, nest.rows.numel) else set()
    for space in nest.spaces:
        fits = power(space.numel) == space.numel
        if fits if held else fits and settings.divides("col_block", space.numel):
            whole.add(space.numel)
        elif space.numel == nest.rows.numel:
            whole.discard(space.numel)
    return Frame(nest, wide, frozenset(whole))
