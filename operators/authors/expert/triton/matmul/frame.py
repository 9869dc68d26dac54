"""The variables of a product's kernels, as blocks that broadcast: i (rows), j (columns), p and q (the depth in the left
and in the right factor)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from operators.authors.expert.triton.matmul.product import Product

_DOWN, _ALONG = "[:, None]", "[None, :]"
SHAPES = {"i": _DOWN, "j": _ALONG, "p": _ALONG, "q": _DOWN}


@dataclass(frozen=True)
class Block:
    """A variable that takes `constant` of `size` values at a time. `whole`: every choice of the constant divides."""

    constant: str
    size: int
    shape: str
    whole: bool


@dataclass(frozen=True)
class Frame:
    """Variable to its block, and whether positions need 64 bits."""

    blocks: Mapping[str, Block]
    wide: bool

    def masks(self) -> dict[str, str]:
        """Variable to the name of its mask, where it needs one."""
        return {name: f"in_{name}" for name, block in self.blocks.items() if not block.whole}

    def defined(self, name: str, start: str) -> list[str]:
        """Defines a variable from `start` on, and its mask."""
        block = self.blocks[name]
        steps = f"tl.arange(0, {block.constant}){block.shape}{'.to(tl.int64)' if self.wide else ''}"
        lines = [f"{name} = {start} + {steps}"]
        return lines if block.whole else [*lines, f"in_{name} = {name} < {block.size}"]

    def program(self) -> str:
        return f"tl.program_id(0){'.to(tl.int64)' if self.wide else ''}"

    def tile(self, product: Product, tile: str, group: str = "") -> list[str]:
        """Defines batch, i and j of a tile by its number; see `numbers`."""
        rows, columns = (self.blocks[name].constant for name in "ij")
        numbers = self.numbers(product, tile, group)
        return [*numbers, *self.defined("i", f"tile_i * {rows}"), *self.defined("j", f"tile_j * {columns}")]

    def numbers(self, product: Product, tile: str, group: str = "") -> list[str]:
        """Defines batch, tile_i and tile_j by the number of a tile. `group` is the constant that says how many tiles of
        rows are walked together, column by column, so that tiles at work at the same time share rows and columns in
        cache."""
        batched = product.batch > 1
        lines = [f"batch = {tile} // (TILES_M * TILES_N)"] if batched else []
        inside = f"{tile} % (TILES_M * TILES_N)" if batched else tile
        if group:
            lines += [
                f"in_batch = {inside}",
                f"in_group = in_batch % ({group} * TILES_N)",
                f"first = in_batch // ({group} * TILES_N) * {group}",
                f"height = tl.minimum(TILES_M - first, {group})",
                "tile_i = first + in_group % height",
                "tile_j = in_group // height",
            ]
        else:
            lines += [f"tile_i = {inside} // TILES_N", f"tile_j = {inside} % TILES_N"]
        return lines
