"""The function that adds up the parts of the depth of a tile, in order, and finishes the result; also that of the
library's sums."""

from __future__ import annotations

from collections.abc import Mapping

from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul import pieces
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.multiply import Multiply, finish, narrowed, part, shared, spans, unscaled
from operators.authors.expert.triton.matmul.product import Product
from operators.authors.expert.triton.nest.schedule import power
from operators.authors.expert.triton.text import indented, loop

_ROWS, _COLUMNS, _WARPS = 8, 128, "4"
_STRIP = 16  # rows, the least that a tile has


def join(multiply: Multiply) -> None:
    if multiply.form.always:
        _join_all(multiply.out, multiply.product, multiply.out.settings.text("split_k"))
    else:
        _join_shared(multiply)


def finish_sums(out: Functions, product: Product) -> None:
    """The sums of scaled pieces are there, whole."""
    _join_all(out, product, "1", scaled=True)


def _join_all(out: Functions, product: Product, parts: str, scaled: bool = False) -> None:
    """Every element has as many parts."""
    rows, columns = min(_ROWS, power(product.m)), min(_COLUMNS, power(product.n))
    blocks = {
        "i": Block("BLOCK_M", product.m, SHAPES["i"], product.m % rows == 0),
        "j": Block("BLOCK_N", product.n, SHAPES["j"], product.n % columns == 0),
    }
    frame = Frame(blocks, product.wide)
    body: list[str] = ["# pass: add the parts", *frame.tile(product, frame.program())]
    emitter = _emitter(product, frame, body)
    load = f"tl.load({part(product)}{emitter.mask(spans(product))})"
    body += ["acc = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)"]
    body += loop("piece in tl.range(0, SPLIT_K)", [f"acc += {load}"])
    body += unscaled(product, emitter) if scaled else []
    body += narrowed(product)
    body += finish(product, emitter, body)
    tiles = {"TILES_M": str(-(-product.m // rows)), "TILES_N": str(-(-product.n // columns))}
    values = {"BLOCK_M": str(rows), "BLOCK_N": str(columns), "SPLIT_K": parts, **tiles}
    scratch = {f"exponents_{name}": "int32" for name in "ij"} if scaled else {}
    values |= pieces.values(out.name) if scaled else {}
    _add(out, product, emitter, body, values, f"{product.batch} * {tiles['TILES_M']} * {tiles['TILES_N']}", scratch)


def _join_shared(multiply: Multiply) -> None:
    """Strips of the tiles that several programs have worked on; all others are finished."""
    product, blocks = multiply.product, multiply.frame.blocks
    whole = product.m % _STRIP == 0 and blocks["i"].whole
    frame = Frame({"i": Block("ROWS", product.m, SHAPES["i"], whole), "j": blocks["j"]}, product.wide)
    body = [
        *frame.numbers(product, "tile", multiply.group),
        *frame.defined("i", "tile_i * BLOCK_M + row"),
        *frame.defined("j", "tile_j * BLOCK_N"),
    ]
    emitter = _emitter(product, frame, body)
    body += ["acc = tl.zeros([ROWS, BLOCK_N], tl.float32)"]
    place = shared("(row + tl.arange(0, ROWS)[:, None])")
    add = ["slot = 2 * piece + (piece == begin).to(tl.int32)", f"acc += tl.load({place})"]
    body += loop("piece in tl.range(begin, end + 1)", add)
    body += finish(product, emitter, body)
    program = [
        "# pass: add the parts of shared tiles",
        f"strip = {frame.program()}",
        "tile = strip // (BLOCK_M // ROWS)",
        "row = strip % (BLOCK_M // ROWS) * ROWS",
        "begin = tile * STEPS // SHARE",
        "end = (tile * STEPS + STEPS - 1) // SHARE",
        "if begin < end:",
        *indented(body),
    ]
    values = {"ROWS": str(_STRIP), **multiply.values()}
    grid = f"{values['TILES']} * ({values['BLOCK_M']} // {_STRIP})"
    _add(multiply.out, product, emitter, program, values, grid)


def _emitter(product: Product, frame: Frame, body: list[str]) -> Emitter:
    return Emitter(
        product.graph,
        product.contraction.nodes,
        {product.contraction.node.id: lambda index: "sums"},
        masks=frame.masks(),
        scopes=[Scope(frozenset(["batch", "i", "j"]), body)],
    )


def _add(
    out: Functions,
    product: Product,
    emitter: Emitter,
    body: list[str],
    values: dict[str, str],
    grid: str,
    scratch: Mapping[str, str] | None = None,
) -> None:
    reads, writes = sorted(emitter.reads), product.contraction.outputs
    out.add("join", body, values, grid, _WARPS, reads, writes, {**(scratch or {}), "parts": "float32"})
