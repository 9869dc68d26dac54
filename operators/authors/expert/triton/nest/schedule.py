"""Decisions of a nest on a GPU that stage two may take, and their defaults."""

from __future__ import annotations

from math import ceil

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.kernels.nest.access import lies_inside, transposes
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import arithmetic
from operators.authors.expert.plan import Decision

NOMINAL = Hardware("cuda", "any", 108, 16, 128 << 10, 40 << 20, 0, 40 << 30, shared_bytes=99 << 10, registers=65536)
# Elements of a row, times the tensors that it is read from, that the registers of one program hold; and that they hold
# beside those of another one.
HELD_ELEMENTS, _EASILY = 32_768, 16_384
# Below so many elements in a row a second kernel for split rows costs more than it gains.
SPLIT_INNER = 4096
_WIDE = 16  # elements of a window
_WINDOWS, _WIDE_WINDOWS = 512, 128  # for one program
_WHOLE = 16384  # elements of a row that one block has all of: it is read again from the nearest cache
_TILE = 4096  # elements of a block of short rows
_WARP = 32  # threads: a block gives each of them an element, however few there are
_WARPS = (1, 2, 4, 8, 16, 32)
_COLUMNS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


def decisions(nest: Nest, form: Value, hardware: Hardware) -> dict[str, Decision]:
    """`form` is the structural choice "row": registers, memory or split; "" without reductions."""
    rows, columns = _block(nest, form, hardware)
    found = [Decision("cores", Lever.MAPPING, hardware.cores)]
    found += _rows(nest, form, rows, columns, hardware) if nest.reductions else _elementwise(nest, hardware)
    found.append(Decision("num_warps", Lever.STAGING, _warps(nest, _elements(nest, form, rows, columns)), _WARPS))
    tiled = not nest.reductions and transposes(nest) and not nest.totals
    if not tiled and nest.rows.numel > 1 and form != "split":
        found.append(Decision("programs_per_core", Lever.MAPPING, 0, (0, 1, 2, 4, 8, 16)))
    if not tiled:
        last = "evict_first" if form == "memory" and rereads(nest) else ""
        found.append(Decision("read_policy", Lever.STAGING, last, ("", "evict_first")))
    if not tiled and set(nest.outputs) - nest.final:
        found.append(Decision("store_cache", Lever.STAGING, "", ("", ".cs", ".cg")))
    return {d.name: d for d in (*found, *arithmetic(nest))}


def _rows(nest: Nest, form: Value, rows: int, columns: int, hardware: Hardware) -> list[Decision]:
    """Decisions that only reductions have."""
    mapping, tiling, staging = Lever.MAPPING, Lever.TILING, Lever.STAGING
    found = []
    if nest.rows.numel > 1:
        found.append(Decision("rows_per_program", mapping, rows, (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)))
    if form == "split":
        parts = _parts(nest, rows, columns, hardware)
        found.append(Decision("parts", mapping, parts, (4, 8, 16, 32, 64, 128, 256, 512)))
    if form in ("memory", "split"):
        found.append(Decision("col_block", tiling, columns, _COLUMNS))
        found.append(Decision("num_stages", staging, 1, (1, 2, 3, 4)))
        if rereads(nest):
            found.append(Decision("reread_policy", staging, "evict_last", ("", "evict_last")))
    return found


def forms(nest: Nest) -> list[str]:
    """How rows may be treated, the favourite first."""
    if not nest.reductions:
        return [""]
    if _windows(nest):
        return ["memory"]
    # Holding a row saves what reads it again, and costs registers where nothing does.
    elements = held_elements(nest)
    held = ["registers"] if elements <= HELD_ELEMENTS else []
    found = [*held, "memory"] if rereads(nest) and elements <= _EASILY else ["memory", *held]
    if nest.spaces[0].numel >= SPLIT_INNER and not nest.totals:
        if nest.rows.numel == 1:
            return ["split", *held]
        few = ceil(nest.rows.numel / (1 if lies_inside(nest) else 64)) < 1.5 * NOMINAL.cores
        found = ["split", *found] if few and "registers" not in found[:1] else [*found, "split"]
    return found


def rereads(nest: Nest) -> bool:
    """Whether a row is passed over more than once."""
    return len(nest.levels) > 1 or any(nest.output_space(o) is not None for o in nest.outputs)


def held_elements(nest: Nest) -> int:
    """Elements that a program for one row keeps when it reads every tensor once."""
    graph = nest.graph
    largest = max(s.numel for s in nest.spaces)
    near = {i for n in nest.nodes for i in graph[n].inputs} - nest.nodes
    read = sum(graph[i].type.numel >= nest.rows.numel * largest for i in near)
    return power(largest) * max(read, 1)


def power(number: int) -> int:
    """The smallest power of two that is not below."""
    return 1 << max(number - 1, 0).bit_length()


def programs(nest: Nest, form: Value, hardware: Hardware) -> int:
    """Programs by default, when no row is split."""
    defaults = {name: d.value for name, d in decisions(nest, form, hardware).items()}
    return ceil(nest.rows.numel / int(defaults.get("rows_per_program", defaults.get("block", 1))))


def _elementwise(nest: Nest, hardware: Hardware) -> list[Decision]:
    tiling = Lever.TILING
    if transposes(nest):
        sizes = (8, 16, 32, 64, 128)
        return [Decision("tile_y", tiling, 32, sizes), Decision("tile_x", tiling, 32, sizes)]
    if nest.rows.numel == 1:
        return []
    enough = nest.rows.numel // (4 * hardware.cores)
    block = max(128, min(1024, 1 << max(enough, 1).bit_length() - 1))
    return [Decision("block", tiling, block, (128, 256, 512, 1024, 2048, 4096, 8192))]


def _block(nest: Nest, form: Value, hardware: Hardware) -> tuple[int, int]:
    """(rows, columns) of a program by default."""
    if not nest.reductions:
        return 1, 1
    inner, rows = max(s.numel for s in nest.spaces), nest.rows.numel
    inside = lies_inside(nest)
    if _windows(nest):
        return max(_WARP, min(_WIDE_WINDOWS if _wide(nest) else _WINDOWS, power(rows))) if rows > 1 else 1, 1
    if form == "registers":
        tile, columns = 1024 if inside else 4096, power(inner)
        wanted = max(tile // columns, 1 if inside else 8)
    else:
        whole = form == "memory" and power(inner) <= _WHOLE and rereads(nest)
        columns = min(power(inner), (_WHOLE if whole else 2048) if inside else 32 if form == "split" else 16)
        wanted = max(1, _TILE // columns) if inside else 64
    enough = max(1, rows // (2 * hardware.cores))  # leave no multiprocessor idle
    # An element for every thread of a warp; where neighbours lie in memory, whole sectors.
    least = max(1, _WARP // columns) if inside else 64 if form == "split" else 16
    wanted = min(max(min(wanted, 1 << enough.bit_length() - 1), least), power(rows))
    return wanted, columns if form == "registers" else max(columns, _WARP // wanted)


def _elements(nest: Nest, form: Value, rows: int, columns: int) -> int:
    if not nest.reductions:
        return 1024
    return rows * (power(max(s.numel for s in nest.spaces)) if form == "registers" else columns)


def _windows(nest: Nest) -> bool:
    return any(nest.graph[r].op == "window" for r in nest.reductions)


def _wide(nest: Nest) -> bool:
    return nest.spaces[0].numel >= _WIDE


def _warps(nest: Nest, elements: int) -> int:
    """Eight elements a thread, sixteen in large tiles; of windows, each of which reads many, two, or one."""
    if _windows(nest):
        return max(1, min(8, elements // (32 if _wide(nest) else 64)))
    if nest.reductions and max(space.numel for space in nest.spaces) > _WHOLE and lies_inside(nest):
        return max(1, min(16, elements // 128))
    return max(1, min(8, elements // 256)) if elements <= 4096 else min(32, elements // 512)


def _parts(nest: Nest, rows: int, columns: int, hardware: Hardware) -> int:
    """Two to four programs a multiprocessor, each with a few blocks of columns; of the smaller ones, across rows, up to
    twice as many: what memory is to deliver has to be asked for long before."""
    wanted = (4 if lies_inside(nest) else 8) * hardware.cores // max(1, ceil(nest.rows.numel / rows))
    most = max(4, nest.spaces[0].numel // (4 * columns))
    return max(4, min(512, 1 << max(1, min(wanted, most)).bit_length() - 1))
