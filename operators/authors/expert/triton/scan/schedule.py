"""Decisions of a scan on a GPU that stage two may take, and their defaults."""

from __future__ import annotations

from math import ceil

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.kernels.scan.analysis import Scans, depends
from operators.authors.expert.plan import Decision
from operators.authors.expert.triton.nest.schedule import NOMINAL

ONE_PASS, SPLIT, LOOK_BACK = "one pass", "split", "look back"
# Below so many steps another launch, or waiting for neighbours, costs more than it gains.
_SPLIT_LENGTH = 8192
# Tiles of one row that a program looks back over: the tiles of its group, and all groups before.
GROUP, MOST_GROUPS = 64, 1024
_CHUNKS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
_STEPS = (8, 16, 32, 64, 128, 256)
_PARTS = (4, 8, 16, 32, 64, 128, 256, 512)
_LOOK_BACK = (2048, 4096, 8192)


def lanes_role(scans: Scans) -> str:
    """The decision that says how many rows, or neighbouring columns, a program scans side by side."""
    return "rows_per_program" if scans.sizes[2] == 1 else "col_block"


def forms(scans: Scans) -> list[str]:
    """How the axis may be treated, the favourite first: by one program a row; in parts by several, which read it
    twice; or in tiles whose programs wait for the sums of those before."""
    length = scans.sizes[1]
    if length < _SPLIT_LENGTH or any(depends(scans, scan) for scan in scans.scans):
        return [ONE_PASS]
    found = [SPLIT]
    words = all(scans.graph[s].dtype in (DType.F32, DType.F16, DType.BF16, DType.I32) for s in scans.scans)
    words = words and all(scans.graph[s].attrs["op"] != "prod" for s in scans.scans)
    if scans.sizes[2] == 1 and words and ceil(length / min(_LOOK_BACK)) <= GROUP * MOST_GROUPS:
        found = [LOOK_BACK, SPLIT]
    return [*found, ONE_PASS] if programs(scans, NOMINAL) < NOMINAL.cores else [ONE_PASS, *found]


def decisions(scans: Scans, form: Value, hardware: Hardware) -> dict[str, Decision]:
    """`form` is the structural choice "scan"."""
    lanes, chunk = _block(scans, form, hardware)
    mapping, tiling, staging = Lever.MAPPING, Lever.TILING, Lever.STAGING
    contiguous = scans.sizes[2] == 1
    sizes = _LOOK_BACK if form == LOOK_BACK else _CHUNKS if contiguous else _STEPS
    found = [Decision("chunk", tiling, chunk, sizes)]
    if not contiguous:
        found.append(Decision("col_block", tiling, lanes, (16, 32, 64, 128, 256, 512)))
    elif form == LOOK_BACK:
        found.append(Decision("rows_per_program", mapping, 1))
    else:
        found.append(Decision("rows_per_program", mapping, lanes, (1, 2, 4, 8, 16, 32, 64)))
    if form == SPLIT:
        found.append(Decision("parts", mapping, _parts(scans, lanes, chunk, hardware), _PARTS))
    warps = max(1, min(8, lanes * chunk // 512))
    found.append(Decision("num_warps", staging, warps, (1, 2, 4, 8, 16, 32)))
    if form != LOOK_BACK and scans.sizes[1] > min(sizes):
        found.append(Decision("num_stages", staging, 1, (1, 2, 3, 4)))
    found.append(Decision("read_policy", staging, "", ("", "evict_first")))
    found.append(Decision("store_cache", staging, "", ("", ".cs", ".cg")))
    if any(_may_widen(scans, scan) for scan in scans.scans) and form != LOOK_BACK:
        # A product of a part may overflow where the running product does not.
        wide = any(scans.graph[s].attrs["op"] == "prod" for s in scans.scans)
        found.append(Decision("float64", Lever.PRECISION, wide, (False, True)))
    return {d.name: d for d in found}


def programs(scans: Scans, hardware: Hardware) -> int:
    """Programs by default, when no row is split."""
    outer, _, inner = scans.sizes
    lanes, _ = _block(scans, ONE_PASS, hardware)
    return ceil(outer / lanes) if inner == 1 else outer * ceil(inner / lanes)


def power(number: int) -> int:
    """The smallest power of two that is not below."""
    return 1 << max(number - 1, 0).bit_length()


def _may_widen(scans: Scans, scan: int) -> bool:
    node = scans.graph[scan]
    return node.dtype.is_float and node.dtype is not DType.F64 and node.attrs["op"] in ("sum", "prod")


def _block(scans: Scans, form: Value, hardware: Hardware) -> tuple[int, int]:
    """(lanes, steps) of a program's tile by default."""
    outer, length, inner = scans.sizes
    if form == LOOK_BACK:
        return 1, 4096
    if inner > 1:
        # Whole lines of neighbours; programs so small that all of them are there at once, and no tail is left.
        return max(16, min(32, power(inner))), max(8, min(32, power(length)))
    # A row that fits is scanned at once, without a carry to wait for.
    chunk = max(16, power(length) if length <= 8192 and form == ONE_PASS else 4096)
    enough = max(1, outer // (4 * hardware.cores))
    rows = min(max(1, 1024 // chunk), 1 << enough.bit_length() - 1, 64)
    return rows, chunk


def _parts(scans: Scans, lanes: int, chunk: int, hardware: Hardware) -> int:
    """Four programs a multiprocessor, each with some chunks."""
    wanted = 4 * hardware.cores // max(1, programs(scans, hardware))
    most = max(4, scans.sizes[1] // (2 * chunk))
    return max(4, min(256, power(min(wanted, most))))
