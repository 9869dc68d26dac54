"""The tile of a scan's program: LANES rows by CHUNK steps of a contiguous axis, else CHUNK steps by LANES columns."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.kernels.scan.analysis import Scans
from operators.authors.expert.triton.nest.frame import program
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.scan.schedule import lanes_role, power

# Positions from here on need 64 bits; what is masked off may lie a block further.
_WIDE = 2**31 - 2**22


@dataclass(frozen=True)
class Frame:
    """Variables: `o` (row), `s` (step, ascending in memory) and `i` (column; `o` is then the same for the program)."""

    scans: Scans
    settings: Settings

    @property
    def contiguous(self) -> bool:
        return self.scans.sizes[2] == 1

    @property
    def axis(self) -> int:
        """The tile's axis that is scanned."""
        return 1 if self.contiguous else 0

    @property
    def tile(self) -> str:
        return "[LANES, CHUNK]" if self.contiguous else "[CHUNK, LANES]"

    @property
    def edge(self) -> str:
        """The shape of one number a lane."""
        return "[LANES, 1]" if self.contiguous else "[1, LANES]"

    @property
    def lanes(self) -> int:
        """Rows, or columns of an outer index."""
        return self.scans.sizes[0 if self.contiguous else 2]

    @property
    def variables(self) -> frozenset[str]:
        """What is known before the first step."""
        return frozenset("o" if self.contiguous else "oi")

    @property
    def wide(self) -> bool:
        graph, nodes = self.scans.graph, self.scans.nodes
        return max(graph[i].type.numel for n in nodes for i in (n, *graph[n].inputs)) >= _WIDE

    def along(self, size: str) -> str:
        """Numbers from 0 below `size` along the scanned axis of a tile."""
        return f"tl.arange(0, {size}){'[None, :]' if self.contiguous else '[:, None]'}"

    def across(self) -> str:
        return f"tl.arange(0, LANES){'[:, None]' if self.contiguous else '[None, :]'}"

    def program(self, block: str = "") -> list[str]:
        """Defines the lanes of block number `block`, by default of the program."""
        block = block or program(self.wide)
        if self.contiguous:
            lines, name = [f"o = {block} * LANES + {self.across()}"], "o"
        else:
            blocks = f"tl.cdiv({self.lanes}, LANES)"
            lines, name = [f"o = {block} // {blocks}", f"i = {block} % {blocks} * LANES + {self.across()}"], "i"
        return lines if self._whole_lanes else [*lines, f"in_lanes = {name} < {self.lanes}"]

    def steps(self, first: str) -> list[str]:
        """Defines CHUNK steps from `first` on."""
        lines = [f"s = {first} + {self.along('CHUNK')}"]
        return lines if self.whole_steps else [*lines, f"in_steps = s < {self.scans.sizes[1]}"]

    def masks(self) -> dict[str, str]:
        found = {} if self._whole_lanes else {"o" if self.contiguous else "i": "in_lanes"}
        return found if self.whole_steps else {**found, "s": "in_steps"}

    @property
    def blocks(self) -> str:
        """How many blocks of lanes there are, as text."""
        outer, _, _ = self.scans.sizes
        each = f"triton.cdiv({self.lanes}, {self.constants['LANES']})"
        return each if self.contiguous else f"{outer} * {each}"

    @property
    def constants(self) -> dict[str, str]:
        """Constants that any function of the kernel may use."""
        text, decided = self.settings.text, self.settings.decisions
        most = power(self.scans.sizes[1])
        fits = max(self.settings.every("chunk")) <= most
        found = {"LANES": self._lanes, "CHUNK": text("chunk") if fits else f"min({text('chunk')}, {most})"}
        given = {"STAGES": "num_stages", "READS": "read_policy", "STORES": "store_cache", "WIDE": "float64"}
        return found | {constant: text(role) for constant, role in given.items() if role in decided}

    @property
    def _lanes(self) -> str:
        role, most = lanes_role(self.scans), power(self.lanes)
        text = self.settings.text(role)
        return text if max(self.settings.every(role)) <= most else f"min({text}, {most})"

    @property
    def _whole_lanes(self) -> bool:
        return power(self.lanes) == self.lanes or self.settings.divides(lanes_role(self.scans), self.lanes)

    @property
    def whole_steps(self) -> bool:
        length = self.scans.sizes[1]
        return power(length) == length or self.settings.divides("chunk", length)
