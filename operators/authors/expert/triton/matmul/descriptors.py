"""Tiles by tensor descriptors: Hopper and later fetch a whole tile by one instruction of one thread (TMA)."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.kernels.index import variable
from operators.authors.expert.triton.matmul.product import Factor, Product, Side

_ALIGNED = 16  # bytes between rows
ALLOCATOR = [
    "def _egg_allocate(size, alignment, stream):",
    '    """Memory for the descriptors that kernels make."""',
    '    return torch.empty(size, dtype=torch.int8, device="cuda")',
]
PREPARED = "triton.set_allocator(_egg_allocate)"


@dataclass(frozen=True)
class Matrix:
    """How a factor lies in memory: `rows` of `columns` elements. A tile starts at (`row`, `column`), which are texts,
    and is `block`; `turned`: that is, transposed. What lies outside of the matrix is zero."""

    rows: int
    columns: int
    row: str
    column: str
    block: str
    turned: bool

    def made(self, name: str, base: str, copies: str = "") -> str:
        """The statement that makes a descriptor; `copies` tells how many such matrices follow each other."""
        rows = f"{copies} * {self.rows}" if copies else str(self.rows)
        shape, strides = f"[{rows}, {self.columns}]", f"[{self.columns}, 1]"
        return f"{name} = tl.make_tensor_descriptor({base}, {shape}, {strides}, {self.block})"

    def load(self, name: str, copy: int = 0) -> str:
        """A tile of one of the copies."""
        row = f"{copy * self.rows} + {self.row}" if copy else self.row
        return f"{name}.load([{row}, {self.column}]){'.T' if self.turned else ''}"


def matrix(product: Product, side: Side, copied: bool, element_bytes: int) -> Matrix | None:
    """None where a descriptor cannot describe the factor. `copied`: a copy of it lies by depth."""
    factor = side.factor
    lies = "deep" if copied else side.lies
    columns = product.k if lies == "deep" else factor.width
    # The last rows of a matrix would be followed by the next matrix where the depth should end.
    across = lies == "wide" and (factor.batches > 1 or element_bytes != 2)
    if not lies or across or product.wide or factor.width < _ALIGNED or columns * element_bytes % _ALIGNED:
        return None
    tile, block = ("tile_i", "BLOCK_M") if factor.name == "i" else ("tile_j", "BLOCK_N")
    start = f"{tile} * {block}"
    if lies == "deep":
        row = f"{_number(product, factor)}{start}"
        return Matrix(factor.batches * factor.width, columns, row, "k", f"[{block}, BLOCK_K]", factor.name == "j")
    return Matrix(product.k, columns, "k", start, f"[BLOCK_K, {block}]", factor.name == "i")


def _number(product: Product, factor: Factor) -> str:
    """The first row of the matrix that the tile multiplies, as the start of a sum."""
    place = product.rows(variable("batch", product.batch), variable("i", product.m))[:-1]
    own = factor.own(place) * factor.width
    return f"{own.written('//')} + " if own.uses else ""
