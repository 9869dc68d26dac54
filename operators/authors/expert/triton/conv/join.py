"""The function that adds up the parts of a split depth, in order, and finishes the result."""

from __future__ import annotations

from operators.authors.expert.triton.conv import positions
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.tile import Tile
from operators.authors.expert.triton.matmul.frame import SHAPES, Block
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.nest.schedule import power
from operators.authors.expert.triton.text import loop

_ROWS, _COLUMNS, _WARPS = 32, 32, "4"


def join(out: Functions, found: Convolution) -> None:
    """Square tiles: parts have columns for neighbours, results rows."""
    rows, columns = min(_ROWS, power(found.m)), min(_COLUMNS, power(found.n))
    blocks = {
        "i": Block("BLOCK_M", found.m, SHAPES["i"], found.m % rows == 0),
        "j": Block("BLOCK_N", found.n, SHAPES["j"], found.n % columns == 0),
    }
    tile = Tile(found, blocks)
    where, mask = tile.part()
    tile.body += ["# pass: add the parts", f"tile = {tile.frame.program()}", *tile.start()]
    tile.body += ["acc = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)"]
    tile.body += loop("piece in tl.range(0, SPLIT_K)", [f"acc += tl.load({where}{mask})"])
    tile.body += positions.narrowed(found.m, found.n)
    tile.finish()
    tiles = {"TILES_M": str(-(-found.m // rows)), "TILES_N": str(-(-found.n // columns))}
    values = {"BLOCK_M": str(rows), "BLOCK_N": str(columns), "SPLIT_K": out.settings.text("split_k"), **tiles}
    grid = f"{found.batch} * {tiles['TILES_M']} * {tiles['TILES_N']}"
    reads, writes = sorted(tile.emitter.reads), found.contraction.outputs
    out.add("join", tile.body, values, grid, _WARPS, reads, writes, {"parts": "float32"})
