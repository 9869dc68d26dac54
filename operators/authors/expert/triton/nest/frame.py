"""The variables of a nest's kernel: which rows and which part of a row one program holds, as blocks that broadcast."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from operators.authors.expert.kernels.expr import Unsupported
from operators.authors.expert.kernels.index import unravel, variable
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.domain import Space
from operators.authors.expert.kernels.nest.trace import positions
from operators.authors.expert.triton.nest.states import Fold

# Positions from here on need 64 bits; what is masked off may lie a block further.
_WIDE = 2**31 - 2**20


def flattened(nest: Nest) -> Nest:
    """The nest with one variable for all rows and one for each inside, where index arithmetic can follow: contiguous
    accesses then are visibly so, and others divide."""
    flat = nest.with_spaces(_merged(nest.rows), tuple(_merged(s) for s in nest.spaces))
    for candidate in (flat, replace(flat, rows=nest.rows), replace(flat, spaces=nest.spaces)):
        try:
            positions(candidate)
        except Unsupported:
            continue
        return candidate
    return nest


def _merged(space: Space) -> Space:
    return Space(space.prefix, (space.numel,))


def is_wide(nest: Nest) -> bool:
    """Whether positions in some tensor exceed 32 bits."""
    near = {*nest.nodes, *(i for n in nest.nodes for i in nest.graph[n].inputs)}
    return max(nest.graph[n].type.numel for n in near) >= _WIDE


@dataclass(frozen=True)
class Frame:
    """Blocks of ROWS rows by COLS elements of a row; without a dimension for rows when there is but one.

    `whole` are the sizes that every choice of its block size divides, so that they need no masks.
    """

    nest: Nest
    wide: bool
    whole: Collection[int]

    @property
    def by_rows(self) -> bool:
        return self.nest.rows.numel > 1

    @property
    def fold(self) -> Fold:
        return Fold("1, keep_dims=True") if self.by_rows else Fold("0")

    @property
    def row_names(self) -> frozenset[str]:
        return frozenset(self.nest.rows.names if self.by_rows else ())

    def tile(self, number: int) -> str:
        return f"[ROWS, {cols(number)}]" if self.by_rows else f"[{cols(number)}]"

    @property
    def rows_tile(self) -> str:
        """The shape of one number a row."""
        return "[ROWS, 1]" if self.nest.spaces else "[ROWS]"

    def masks(self) -> dict[str, str]:
        """Variable to the name of the mask of its block."""
        found = {} if self.nest.rows.numel in self.whole else dict.fromkeys(self.row_names, "in_rows")
        for space in self.nest.spaces:
            if space.numel not in self.whole:
                found |= dict.fromkeys(space.names, f"in_{space.prefix}")
        return found

    def rows(self, block: str) -> list[str]:
        """Defines the variables of the rows of a block, and their mask."""
        if not self.by_rows:
            return []
        column = "[:, None]" if self.nest.spaces else ""
        return self._defined(self.nest.rows, f"{block} * ROWS + tl.arange(0, ROWS){column}", "in_rows", "row")

    def columns(self, number: int, start: str = "") -> list[str]:
        """Defines the variables of COLS elements of the row from `start` on, and their mask."""
        space = self.nest.spaces[number]
        block = f"tl.arange(0, {cols(number)}){'[None, :]' if self.by_rows else ''}"
        block = f"{block}.to(tl.int64)" if self.wide else block
        text = f"{start} + {block}" if start else block
        return self._defined(space, text, f"in_{space.prefix}", space.prefix)

    def position(self, number: int) -> str:
        """The position of an element in its row, in 32 bits if that is enough."""
        space = self.nest.spaces[number]
        text = space.position.written("//")
        return f"{text}.to(tl.int32)" if self.wide and space.numel < 2**31 else text

    def _defined(self, space: Space, text: str, mask: str, flat: str) -> list[str]:
        name = space.names[0] if len(space.names) == 1 else flat
        lines = [f"{name} = {text}"]
        if len(space.names) > 1:
            split = unravel(variable(flat, space.numel), space.sizes)
            lines += [f"{v} = {i.written('//')}" for v, i in zip(space.names, split, strict=True)]
        return lines if space.numel in self.whole else [*lines, f"{mask} = {name} < {space.numel}"]


def cols(number: int) -> str:
    """The constant that says how many elements of a row are taken at a time, a constant for each space."""
    return f"COLS_{number}" if number else "COLS"


def program(wide: bool, axis: int = 0) -> str:
    return f"tl.program_id({axis})" + (".to(tl.int64)" if wide else "")
