"""Algorithms of a convolution on a GPU, the decisions that stage two may take about each, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, prod

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.plan import Decision
from operators.authors.expert.triton.conv.convolution import Convolution
from operators.authors.expert.triton.conv.geometry import Geometry
from operators.authors.expert.triton.conv.rows import blocks_of, rows_of
from operators.authors.expert.triton.matmul.schedule import MANY, PIECED, arithmetic, in_one_piece, in_pieces
from operators.authors.expert.triton.nest.schedule import NOMINAL, power

_SEVERAL = "of several rows"
LEAST = 16  # in every direction of a tile, for tensor cores
_FEW = 4  # channels of a group that need no tensor cores
_SUMS = 2048  # of a program, that registers hold
_COPY = 256  # multiply-adds with an element of the input that pay for a copy of it


def algorithms(found: Convolution) -> list[dict[str, Value]]:
    """The structural alternatives, the favourite first.

    "convolution": "implicit" (a product on tensor cores, gathered tile by tile) or "direct" (tap after tap, without).
    Of a direct one whose rows share inputs: "sums" in registers are "of several rows" or "of one row". Of an implicit
    one: "product" is "tiled" or "split" (several programs a tile share the depth); "depth" goes "tap by tap", with the
    channels of a tap in a step, or over channels and taps "at once"; "layout" is "as given", "weights by depth" (copied
    so) or "channels last" (both factors are copied so), which may be "in pieces" of 16 bits, scaled, or "in one piece"
    with TF32's precision (see `matmul.pieces`).
    """
    g = found.geometry
    depthwise = g.groups > 1 and g.group_channels <= _FEW
    direct = _without_tensor_cores(g) if depthwise or g.group_channels * g.group_rows <= LEAST else []
    implicit: list[dict[str, Value]] = []
    if g.group_rows >= 8 or not direct:
        first, *others = _forms(found)
        for depth in _depths(found):
            implicit += [_implicit_one(first, depth, layout) for layout in _layouts(found, depth)]
        implicit += [{**implicit[0], "product": form} for form in others]
    return [*direct, *implicit]


def _without_tensor_cores(g: Geometry) -> list[dict[str, Value]]:
    if not rows_of(g):
        return [{"convolution": "direct"}]
    return [{"convolution": "direct", "sums": sums} for sums in (_SEVERAL, "of one row")]


def _implicit_one(form: str, depth: str, layout: str) -> dict[str, Value]:
    return {"convolution": "implicit", "product": form, "depth": depth, "layout": layout}


def _forms(found: Convolution) -> list[str]:
    few = 2 * tiles(found, 128, 128) <= NOMINAL.cores and found.k >= 256 and found.geometry.phases == 1
    if not few:
        return ["tiled"]
    return (
        ["split", "tiled"] if found.k >= 1024 and 4 * tiles(found, 64, 64) <= 3 * NOMINAL.cores else ["tiled", "split"]
    )


def _depths(found: Convolution) -> list[str]:
    g = found.geometry
    if g.phases > 1 or g.taps != g.kernel or (g.group_channels >= 4 * LEAST and g.group_channels % LEAST == 0):
        return ["tap by tap"]
    return ["tap by tap", "at once"] if g.group_channels >= LEAST else ["at once"]


def _layouts(found: Convolution, depth: str) -> list[str]:
    g = found.geometry
    if depth == "at once":
        # Weights of an ordinary convolution are by depth as they are.
        return ["weights by depth", "as given"] if g.transposed or not found.plain_weights else ["as given"]
    reuse = g.group_rows * prod(g.taps)
    last = ["channels last", "weights by depth"] if reuse >= _COPY else ["weights by depth", "channels last"]
    if found.dtype is DType.F32 and reuse >= _COPY // 2 and g.group_channels >= LEAST:
        place = 0 if g.flops >= MANY else 1
        last[place:place] = PIECED
    return [*last, "as given"]


def copied(choices: Mapping[str, Value]) -> bool:
    """Whether the input is copied with channels last, whole or in pieces."""
    return choices["layout"] in ("channels last", *PIECED)


def decisions(found: Convolution, choices: dict[str, Value], hardware: Hardware) -> dict[str, Decision]:
    every = _direct(found, choices) if choices["convolution"] == "direct" else _implicit(found, choices, hardware)
    return {d.name: d for d in every}


def rows_at_once(g: Geometry, choices: Mapping[str, Value]) -> int:
    """Rows of sums that a thread of a direct convolution keeps."""
    return rows_of(g) if choices.get("sums") == _SEVERAL else 1


def direct_positions(g: Geometry, choices: Mapping[str, Value]) -> int:
    """Of a plane, as programs share it out."""
    return prod(blocks_of(g)) if rows_at_once(g, choices) > 1 else g.positions


def _direct(found: Convolution, choices: Mapping[str, Value]) -> list[Decision]:
    g = found.geometry
    positions, planes = direct_positions(g, choices), g.images * g.rows
    most = min(power(positions), _SUMS // rows_at_once(g, choices))
    # The largest block that leaves little of itself empty.
    blocks = [size for size in (1024, 512, 256, 128) if size <= most] or [power(positions)]
    block = min(blocks, key=lambda size: (ceil(positions / size) * size > 1.1 * positions, -size))
    many = min(16, power(planes), max(1, 512 // block))
    sizes = tuple(size for size in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096) if size <= power(positions))
    return [
        Decision("block", Lever.TILING, block, sizes),
        Decision("planes", Lever.TILING, many, tuple(size for size in (1, 2, 4, 8, 16) if size <= power(planes))),
        Decision("num_warps", Lever.STAGING, max(1, min(4, block * many // 128)), (1, 2, 4, 8)),
    ]


def _implicit(found: Convolution, choices: dict[str, Value], hardware: Hardware) -> list[Decision]:
    tiling, staging = Lever.TILING, Lever.STAGING
    rows, columns, depth, warps, stages = _tile(found, choices, hardware)
    every = [
        Decision("block_m", tiling, rows, _sizes(found.m, (16, 32, 64, 128, 256))),
        Decision("block_n", tiling, columns, _sizes(found.n, (16, 32, 64, 128, 256))),
        Decision("block_k", tiling, depth, _sizes(_deep(found, choices), (16, 32, 64, 128))),
        Decision("num_warps", staging, warps, (2, 4, 8, 16)),
        Decision("num_stages", staging, stages, (1, 2, 3, 4, 5, 6)),
    ]
    if found.m > LEAST and found.n > LEAST:
        every.append(Decision("group_m", Lever.MAPPING, 8, (1, 2, 4, 8, 16)))
    if choices["product"] == "split":
        enough = power(ceil(hardware.cores / tiles(found, rows, columns)))
        pieces = max(2, min(32, enough, power(found.k // 256)))
        every.append(Decision("split_k", Lever.MAPPING, pieces, (2, 4, 8, 16, 32)))
    return [*every, *arithmetic(found.k, choices)] if found.dtype is DType.F32 else every


def _deep(found: Convolution, choices: dict[str, Value]) -> int:
    """What steps of the depth are taken of."""
    return found.geometry.group_channels if choices["depth"] == "tap by tap" else found.k


def _sizes(length: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Those that do not leave half of a tile empty."""
    return tuple(size for size in sizes if size <= max(power(length), LEAST))


def tiles(found: Convolution, rows: int, columns: int) -> int:
    return found.geometry.phases * found.batch * ceil(found.m / rows) * ceil(found.n / columns)


def _tile(found: Convolution, choices: dict[str, Value], hardware: Hardware) -> tuple[int, int, int, int, int]:
    """(rows, columns, depth, warps, stages) of a tile by default."""
    one = in_one_piece(choices)
    half = found.dtype is not DType.F32 or in_pieces(choices)
    rows, columns = (min(128, max(LEAST, power(length))) for length in (found.m, found.n))
    if not half or (in_pieces(choices) and not one and hardware.capability < 90):
        columns = min(columns, 64)  # pieces of float32 fill the registers
    # Leave no multiprocessor idle, unless it would have too little to do.
    while choices["product"] != "split" and tiles(found, rows, columns) < hardware.cores and max(rows, columns) > 64:
        rows, columns = (rows, columns // 2) if columns >= rows else (rows // 2, columns)
    warps = 8 if rows * columns >= (1 << 14 if half else 1 << 13) else 4
    if choices["depth"] == "at once":
        # Gathered one by one: what is loaded ahead would take as many copies as there are elements.
        return rows, columns, LEAST, warps, 1
    depth = min(64 if half else 32, max(LEAST, power(_deep(found, choices))))
    stage = depth * (rows + columns) * (2 if one else found.dtype.bytes)
    return rows, columns, depth, warps, max(1, min(4 if half else 3, hardware.shared_bytes // stage))
