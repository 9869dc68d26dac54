"""The function that adds up the parts of a split depth, in order, and finishes the result."""

from __future__ import annotations

from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.multiply import finish, narrowed, part, spans
from operators.authors.expert.triton.matmul.product import Product
from operators.authors.expert.triton.nest.schedule import power
from operators.authors.expert.triton.text import loop

_ROWS, _COLUMNS, _WARPS = 8, 128, "4"


def join(out: Functions, product: Product) -> None:
    rows, columns = min(_ROWS, power(product.m)), min(_COLUMNS, power(product.n))
    blocks = {
        "i": Block("BLOCK_M", product.m, SHAPES["i"], product.m % rows == 0),
        "j": Block("BLOCK_N", product.n, SHAPES["j"], product.n % columns == 0),
    }
    frame = Frame(blocks, product.wide)
    body: list[str] = ["# pass: add the parts", *frame.tile(product, frame.program())]
    emitter = Emitter(
        product.graph,
        product.contraction.nodes,
        {product.contraction.node.id: lambda index: "sums"},
        masks=frame.masks(),
        scopes=[Scope(frozenset(["batch", "i", "j"]), body)],
    )
    load = f"tl.load({part(product)}{emitter.mask(spans(product))})"
    body += ["acc = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)"]
    body += loop("piece in tl.range(0, SPLIT_K)", [f"acc += {load}"])
    body += narrowed(product)
    body += finish(product, emitter, body)
    tiles = {"TILES_M": str(-(-product.m // rows)), "TILES_N": str(-(-product.n // columns))}
    values = {"BLOCK_M": str(rows), "BLOCK_N": str(columns), "SPLIT_K": out.settings.text("split_k"), **tiles}
    grid = f"{product.batch} * {tiles['TILES_M']} * {tiles['TILES_N']}"
    reads, writes = sorted(emitter.reads), product.contraction.outputs
    out.add("join", body, values, grid, _WARPS, reads, writes, {"parts": "float32"})
