"""The source of one candidate's kernel as it grows: CUDA functions, and the Python function that launches them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from operators.authors.expert.cuda.settings import Settings
from operators.authors.expert.cuda.text import helpers, kernel, pointers, python_call
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.nest.arithmetic import DIVISION, EXPONENTIAL
from operators.authors.expert.plan import KernelCode

# Macros of the source, and the decisions that they come from (Python text, `{}` for each decision's value).
_MACROS = {
    "THREADS": ("{}", "threads"),
    "LANES": ("min({}, {})", "threads_per_row", "threads"),
    "VEC": ("{}", "vec"),
    "UNROLL": ("{}", "unroll"),
    "CLUSTER": ("{}", "cluster"),
    "PARTS": ("{}", "parts"),
    "BLOCKS_PER_CORE": ("{}", "blocks_per_core"),
    "STREAM": ("{}", "stream_stores"),
    "TILE": ("{}", "tile"),
    "STRIP": ("{}", "strip"),
    "TILE_Y": ("{}", "tile_y"),
    "TILE_X": ("{}", "tile_x"),
    **{role.upper(): ("{}", role) for role in (DIVISION, EXPONENTIAL)},
}


@dataclass
class Functions:
    """`name` is that of the function that launches all kernels, in their order."""

    graph: Graph
    name: str
    settings: Settings
    _source: list[str] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)
    _launches: list[str] = field(default_factory=list)
    _reads: set[int] = field(default_factory=set)
    _roles: dict[str, None] = field(default_factory=dict)  # decisions that matter to the code

    def value(self, macro: str) -> str:
        """Python text of a macro's value."""
        form, *roles = _MACROS[macro]
        roles = [role for role in roles if role in self.settings] or roles
        if roles[0] in (DIVISION, EXPONENTIAL) and roles[0] not in self.settings:  # it has none of these
            return "0"
        self._roles |= dict.fromkeys(roles)
        texts = [self.settings.text(role) for role in roles]
        if len(texts) == 1:  # all threads of a block share the row
            return texts[0]
        known = all(text.isdigit() for text in texts)
        return str(min(map(int, texts))) if known and len(texts) > 1 else form.format(*texts)

    def add(
        self,
        suffix: str,
        body: Sequence[str],
        reads: Sequence[int],
        writes: Sequence[int] = (),
        scratch: Mapping[str, str] | None = None,
        grid: str = "(1,)",
    ) -> None:
        """One more kernel. `scratch` are further pointers and their C++ types; `grid` is Python text."""
        name, given = f"{self.name}_{suffix}", pointers(self.graph, reads, writes) | dict(scratch or {})
        self._source += [*kernel(name, given, self._attributes(), body), ""]
        self._names.append(name)
        self._launches += python_call(f"_{name}(", [grid, self.value("THREADS"), *given])
        self._reads |= set(reads)

    def _attributes(self) -> str:
        occupancy = ", BLOCKS_PER_CORE" if "blocks_per_core" in self.settings else ""
        cluster = " __cluster_dims__(CLUSTER, 1, 1)" if "cluster" in self.settings else ""
        return f"__launch_bounds__(THREADS{occupancy}){cluster}"

    def code(self, writes: Sequence[int], before: Sequence[str] = ()) -> KernelCode:
        """`before` are statements of the launching function, which allocate scratch."""
        text = "\n".join(self._source)
        macros = [f"{m}={self.value(m)}" for m in _MACROS if re.search(rf"\b{m}\b", text)]
        reads = tuple(sorted(self._reads))
        built = f"_{self.name.upper()}"
        source = [
            *python_call(f"{built} = _egg_build(", [f'"{self.name}"', f"_EGG_HELPERS + _{self.name}_source", *macros]),
            *(f'_{name} = _EggKernel({built}, "{name}")' for name in self._names),
            "",
            "",
            f"def {self.name}({', '.join(pointers(self.graph, reads, writes))}):",
            *("    " + line for line in (*before, *self._launches)),
        ]
        lines = [f"_{self.name}_source = r'''", *self._source[:-1], "'''", *source]
        knobs = self.settings.knobs(self._roles)
        return KernelCode(self.name, "\n".join(lines), reads, tuple(writes), knobs, helpers(text))
