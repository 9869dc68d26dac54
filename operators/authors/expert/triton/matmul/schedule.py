"""Algorithms of a product on a GPU, the decisions that stage two may take about each, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.plan import Decision
from operators.authors.expert.triton.matmul.descriptors import Matrix, matrix
from operators.authors.expert.triton.matmul.pieces import ONE_PIECE, PIECES
from operators.authors.expert.triton.matmul.product import Product
from operators.authors.expert.triton.nest.schedule import NOMINAL, power

# By how much repacking a factor is cheaper than reading it out of order again and again: tiles that read it.
_REUSE = 256
_LEAST = 16  # in every direction of a tile, for tensor cores
_PROMOTE = 1024  # depth that tensor cores add up without help, in float32
_PROMOTE_PIECES = 512  # the same of pieces, whose other errors are smaller
MANY = 1 << 34  # operations from which on splitting both factors in a pass of its own is the first choice
LAYOUTS = {
    "as given": "",
    "a by depth": "i",
    "b by depth": "j",
    "both by depth": "ij",
    "in pieces": "ij",
    "in one piece": "ij",
}
PIECED = ("in pieces", "in one piece")
LIBRARY = "library"


def algorithms(product: Product) -> list[dict[str, Value]]:
    """The structural alternatives, the favourite first.

    "product": one program a tile ("tiled"), programs that go from tile to tile ("persistent"), several programs a tile
    that share the depth ("split"), or programs that share all steps of all tiles ("stream"); or it is the library
    that multiplies ("library"). "layout": which factors are first copied so that they are contiguous along the depth,
    prologue done; "in pieces" of 16 bits, scaled (see `pieces`), or "in one piece", with TF32's precision. Copies of
    what is made of parameters and buffers alone are kept from call to call. "zeros": "skipped" beside a diagonal.
    """
    tiles = product.batch * ceil(product.m / 128) * ceil(product.n / 128)
    forms = ["tiled"]
    if tiles >= 2 * NOMINAL.cores:
        forms.append("persistent")
    if min(product.m, product.n) >= 64 and product.k >= 512 and NOMINAL.cores < 2 * tiles <= 16 * NOMINAL.cores:
        forms.append("stream")
    if 2 * tiles <= NOMINAL.cores and product.k >= 256:
        forms.insert(0 if product.k >= 4096 or (product.k >= 1024 and 4 * tiles <= NOMINAL.cores) else 1, "split")
    layouts = _layouts(product)
    found: list[dict[str, Value]] = [{"product": forms[0], "layout": layout} for layout in layouts]
    found += [{"product": form, "layout": layouts[0]} for form in forms[1:]]
    if product.dtype is DType.F32 and min(product.m, product.n) >= 64 and product.k >= 128:
        place = 0 if product.flops >= MANY else 1
        found[place:place] = [{"product": forms[0], "layout": "in pieces"}, *_in_one_piece(product, forms)]
        found += [{"product": form, "layout": "in pieces"} for form in forms[1:]]
    if any(product.triangles):
        found.insert(0, {"product": "tiled", "layout": layouts[0], "zeros": "skipped"})
        found.insert(1, {"product": "tiled", "layout": "in one piece", "zeros": "skipped"})
    return found


def _in_one_piece(product: Product, forms: list[str]) -> list[dict[str, Value]]:
    """A short depth is not worth a pass of its own over the result."""
    own = [form for form in forms if form != "stream"]
    known = {product.a.factor.batches, product.b.factor.batches} <= {product.batch}
    order = [LIBRARY, *own] if product.k >= 1024 else [*own, LIBRARY]
    return [{"product": form, "layout": "in one piece"} for form in order if form != LIBRARY or known]


def _layouts(product: Product) -> list[str]:
    """Which copies may pay, the favourite first: tensor cores take float32 by depth only; a prologue is done once."""
    a, b = product.a, product.b
    single = product.dtype is DType.F32
    worth = ""
    for side, uses in ((a, product.n), (b, product.m)):
        often = side.fixed or uses >= _REUSE
        if often and product.k >= 64 and ((single and not side.deep) or not side.plain):
            worth += side.factor.name
    names = [name for name, sides in LAYOUTS.items() if set(sides) <= set(worth) and name not in PIECED]
    # The left factor goes to tensor cores through registers as well, the right one does not.
    first = {"j"} & set(worth) if single and not b.deep else set()
    return sorted(names, key=lambda name: set(LAYOUTS[name]) != first)


def by_depth(product: Product, layout: Value) -> tuple[bool, bool]:
    """Whether the tiles of the factors are read along the depth."""
    copied = LAYOUTS[str(layout)]
    return product.a.deep or "i" in copied, product.b.deep or "j" in copied


def decisions(product: Product, choices: dict[str, Value], hardware: Hardware) -> dict[str, Decision]:
    mapping, tiling, staging, form = Lever.MAPPING, Lever.TILING, Lever.STAGING, choices["product"]
    if form == LIBRARY:
        return {d.name: d for d in arithmetic(product.k, choices)}
    rows, columns, depth, warps, stages = _tile(product, choices, hardware)
    found = [
        Decision("block_m", tiling, rows, _sizes(product.m, (16, 32, 64, 128, 256))),
        Decision("block_n", tiling, columns, _sizes(product.n, (16, 32, 64, 128, 256))),
        Decision("block_k", tiling, depth, _sizes(product.k, (16, 32, 64, 128))),
        Decision("num_warps", staging, warps, (2, 4, 8, 16)),
        Decision("num_stages", staging, stages, (1, 2, 3, 4, 5, 6)),
    ]
    if product.m > _LEAST and product.n > _LEAST:
        found.append(Decision("group_m", mapping, 8, (1, 2, 4, 8, 16)))
    if form == "split":
        tiles = product.batch * ceil(product.m / rows) * ceil(product.n / columns)
        pieces = max(2, min(32, power(ceil(hardware.cores / tiles)), power(product.k // 256)))
        found.append(Decision("split_k", mapping, pieces, (2, 4, 8, 16, 32)))
    if form in ("persistent", "stream"):
        found.append(Decision("cores", mapping, hardware.cores))
        found.append(Decision("programs_per_core", mapping, 1, (1, 2, 3, 4)))
    if hardware.capability >= 90 and any(matrices(product, choices)):
        found.append(Decision("descriptors", staging, int(in_one_piece(choices)), (0, 1)))
    if product.dtype is DType.F32:
        found += arithmetic(product.k, choices)
    return {d.name: d for d in found}


def in_pieces(choices: Mapping[str, Value]) -> bool:
    return choices.get("layout") in PIECED


def in_what(choices: Mapping[str, Value]) -> str:
    """What the mark of a pass says of the factors' form, "" of plain ones: structures that differ in it only differ."""
    return f" {choices['layout']}" if in_pieces(choices) else ""


def in_one_piece(choices: Mapping[str, Value]) -> bool:
    return choices.get("layout") == "in one piece"


def matrices(product: Product, choices: Mapping[str, Value]) -> list[Matrix | None]:
    """Of the left and the right factor, as a descriptor sees what is multiplied."""
    copied, bytes_ = LAYOUTS[str(choices["layout"])], 2 if in_pieces(choices) else product.dtype.bytes
    return [matrix(product, side, side.factor.name in copied, bytes_) for side in (product.a, product.b)]


def arithmetic(depth: int, choices: Mapping[str, Value]) -> list[Decision]:
    """How float32 is multiplied, over a sum of this depth. By default no worse than in float32, but for one piece."""
    precision = Lever.PRECISION
    if in_one_piece(choices):
        return [Decision("input_precision", precision, ONE_PIECE)]
    words = tuple(PIECES) if in_pieces(choices) else ("tf32x3", "ieee", "bf16x6", "bf16x3", "tf32")
    found = [Decision("input_precision", precision, words[0], words)]
    lengths = tuple(length for length in (256, 512, 1024, 2048, 4096) if length < depth)
    if lengths:
        least = _PROMOTE_PIECES if in_pieces(choices) else _PROMOTE
        found.append(Decision("promote", precision, least if depth > least else 0, (0, *lengths)))
    return found


def _sizes(length: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Those that do not leave half of a tile empty."""
    return tuple(size for size in sizes if size <= max(power(length), _LEAST))


def _tile(product: Product, choices: dict[str, Value], hardware: Hardware) -> tuple[int, int, int, int, int]:
    """(rows, columns, depth, warps, stages) of a tile by default."""
    one = in_one_piece(choices)
    pieces, half = in_pieces(choices) and not one, product.dtype is not DType.F32 or in_pieces(choices)
    rows, columns = (min(128, max(_LEAST, power(length))) for length in (product.m, product.n))

    def tiles() -> int:
        return product.batch * ceil(product.m / rows) * ceil(product.n / columns)

    if not half or (pieces and hardware.capability < 90):
        columns = min(columns, 64)  # pieces of float32 fill the registers
    elif not pieces and columns == 128 and product.n >= 256 and tiles() >= 4 * hardware.cores:
        columns = 256
    # Leave no multiprocessor idle, unless it would have too little to do.
    while choices["product"] != "split" and tiles() < hardware.cores and max(rows, columns) > 64:
        rows, columns = (rows, columns // 2) if columns >= rows else (rows // 2, columns)
    # Two pieces of 16 bits are as wide as float32.
    width = (rows + columns) * (2 if one else product.dtype.bytes)
    depth = 64 if half and (not pieces or 3 * 64 * width <= hardware.shared_bytes) else 32
    depth = min(depth, max(_LEAST, power(product.k)))
    # Three sets of sums (high and low terms, and stretches of them) share the registers where there are pieces.
    warps = 8 if rows * columns >= (1 << 15 if half and not pieces else 1 << 13) else 4
    stages = hardware.shared_bytes // (depth * width)
    return rows, columns, depth, warps, max(1, min(4 if half else 3, stages))
