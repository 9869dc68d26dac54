"""Decisions of a nest on a GPU that stage two may take, and their defaults."""

from __future__ import annotations

from math import ceil

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.cuda.nest.accesses import row_width, turned_bytes
from operators.authors.expert.cuda.nest.elementwise import shaped
from operators.authors.expert.kernels.nest.access import lies_inside, transposes
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.arithmetic import arithmetic
from operators.authors.expert.plan import Decision

NOMINAL = Hardware("cuda", "any", 108, 16, 128 << 10, 40 << 20, 0, 40 << 30, shared_bytes=99 << 10, registers=65536)
# Elements that one thread holds in registers, all tensors together.
HELD_PER_THREAD = 64
_SHARED = 48 << 10  # bytes of shared memory that any kernel may have
HELD = ("registers", "cluster")  # forms that read a row once
HELD_ELEMENTS = 32_768
CLUSTER = 8  # blocks; some GPUs have room for larger ones, all that know clusters for these
CLUSTERS_SINCE = 90  # compute capability
# Below so many elements in a row a second kernel for split rows costs more than it gains.
SPLIT_INNER = 4096
_STREAM = Decision("stream_stores", Lever.STAGING, 0, (0, 1))  # of vectors
_THREADS = (64, 128, 256, 512, 1024)
_LANES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def decisions(nest: Nest, form: Value, hardware: Hardware) -> dict[str, Decision]:
    """`form` is the structural choice "row": cluster, registers, memory or split; "" without reductions."""
    if is_tiled(nest):
        found = _tiles(nest)
    elif nest.reductions:
        found = _clusters(nest) if form == "cluster" else _rows(nest, form, hardware)
    else:
        found = _elementwise(nest, hardware)
    return {d.name: d for d in (*found, *arithmetic(nest))}


def is_tiled(nest: Nest) -> bool:
    return transposes(nest) and not nest.totals


def width(nest: Nest) -> int:
    """How many neighbours a thread may take together."""
    if not nest.reductions:
        return shaped(nest)[1]
    return row_width(nest) if lies_inside(nest) else 1


def forms(nest: Nest) -> list[str]:
    """How rows may be treated, the favourite first."""
    if not nest.reductions:
        return [""]
    if any(nest.graph[r].op == "window" for r in nest.reductions):
        return ["memory"]
    return ["cluster", *_of_blocks(nest)] if fits_cluster(nest) else _of_blocks(nest)


def _of_blocks(nest: Nest) -> list[str]:
    """Forms whose blocks know nothing of each other."""
    # Holding a row saves what reads it again, and costs registers where nothing does.
    held = ["registers"] if held_elements(nest) <= HELD_ELEMENTS else []
    found = [*held, "memory"] if rereads(nest) else ["memory", *held]
    if nest.spaces[0].numel >= SPLIT_INNER and not nest.totals:
        if nest.rows.numel == 1:
            return ["split", *held]
        few = ceil(nest.rows.numel / (1 if lies_inside(nest) else 32)) < NOMINAL.cores
        found = ["split", *found] if few and "registers" not in found[:1] else [*found, "split"]
    return found


def rereads(nest: Nest) -> bool:
    """Whether a row is passed over more than once."""
    return len(nest.levels) > 1 or any(nest.output_space(o) is not None for o in nest.outputs)


def fits_cluster(nest: Nest) -> bool:
    """Whether a row is held better by the blocks of a cluster together: too long for one, and read again. Few rows
    would leave most multiprocessors idle."""
    enough = nest.rows.numel * CLUSTER >= NOMINAL.cores
    useful = enough and rereads(nest) and lies_inside(nest) and not nest.totals
    return useful and HELD_ELEMENTS < held_elements(nest) <= CLUSTER * HELD_ELEMENTS


def held_elements(nest: Nest) -> int:
    """Elements that the threads of a row keep when they read every tensor once."""
    graph = nest.graph
    largest = max(s.numel for s in nest.spaces)
    near = {i for n in nest.nodes for i in graph[n].inputs} - nest.nodes
    read = sum(graph[i].type.numel >= nest.rows.numel * largest for i in near)
    return largest * max(read, 1)


def blocks(nest: Nest, form: Value, hardware: Hardware) -> int:
    """Blocks by default, when no row is split."""
    known = {name: int(d.value) for name, d in decisions(nest, form, hardware).items() if isinstance(d.value, int)}
    if not nest.reductions:
        each = known["tile"] ** 2 if "tile" in known else known["threads"] * known["vec"] * known["unroll"]
        return ceil(nest.rows.numel / each)
    lanes = min(known.get("threads_per_row", known["threads"]), known["threads"])
    return ceil(nest.rows.numel / (known["threads"] // lanes)) * known.get("cluster", 1)


def _tiles(nest: Nest) -> list[Decision]:
    sizes = tuple(t for t in (8, 16, 32, 64) if t * (t + 1) * turned_bytes(nest) <= _SHARED)
    threads = Decision("threads", Lever.MAPPING, 256, _THREADS[:3])
    return [Decision("tile", Lever.TILING, min(32, sizes[-1]), sizes), threads]


def _elementwise(nest: Nest, hardware: Hardware) -> list[Decision]:
    wide = width(nest)
    enough = nest.rows.numel // (hardware.cores * 4 * 256 * wide)  # leave no multiprocessor idle
    unroll = 2 if enough >= 2 else 1
    return [
        Decision("threads", Lever.MAPPING, 256, _THREADS),
        Decision("vec", Lever.TILING, wide, _divisors(wide)),
        Decision("unroll", Lever.TILING, unroll, (1, 2, 4, 8)),
        *([_STREAM] if wide > 1 else []),
    ]


def _rows(nest: Nest, form: Value, hardware: Hardware) -> list[Decision]:
    inside, wide = lies_inside(nest), width(nest)
    window = any(nest.graph[r].op == "window" for r in nest.reductions)
    least = ceil(held_elements(nest) / HELD_PER_THREAD) if form == "registers" else 1
    lanes = 1 if window else _lanes(nest, form, inside, wide, hardware)
    threads = max(lanes, 128 if window or (inside and form != "split") else 256)
    # Threads that have their rows side by side exchange accumulators in shared memory.
    most = _THREADS[-1] if inside else max(threads, _SHARED // (16 * len(nest.reductions)))
    sizes = tuple(t for t in _THREADS if least <= t <= most)
    found = [Decision("threads", Lever.MAPPING, threads, sizes)]
    if nest.rows.numel > 1:
        choices = () if window else tuple(n for n in _LANES if n >= least)
        found.append(Decision("threads_per_row", Lever.MAPPING, lanes, choices))
    found += _vectors(nest)
    if form != "registers":
        found.append(Decision("unroll", Lever.TILING, 4, (1, 2, 4, 8)))
    if form == "split":
        parts = _parts(nest, threads, lanes, wide, hardware)
        found.append(Decision("parts", Lever.MAPPING, parts, (4, 8, 16, 32, 64, 128, 256, 512)))
    found.append(_blocks_per_core(1))
    return found


def _clusters(nest: Nest) -> list[Decision]:
    """Two blocks share a multiprocessor where they can: one loads while the other waits for its cluster or writes."""
    held = held_elements(nest)
    threads = 512 if held <= CLUSTER * 512 * 32 else 1024
    sizes, most = tuple(t for t in _THREADS if CLUSTER * t * HELD_PER_THREAD >= held), _THREADS[-1] * HELD_PER_THREAD
    cluster = max(2, power(ceil(held / (threads * 32))))
    return [
        Decision("threads", Lever.MAPPING, threads, sizes),
        Decision("cluster", Lever.MAPPING, cluster, tuple(c for c in (2, 4, 8) if c * most >= held)),
        *_vectors(nest),
        _blocks_per_core(1024 // threads),
    ]


def _vectors(nest: Nest) -> list[Decision]:
    """How neighbours along a row move together."""
    wide = width(nest)
    if wide == 1:
        return []
    stream = [_STREAM] if any(nest.output_space(o) is not None for o in nest.outputs) else []
    return [Decision("vec", Lever.TILING, wide, _divisors(wide)), *stream]


def _blocks_per_core(number: int) -> Decision:
    return Decision("blocks_per_core", Lever.STAGING, number, (1, 2, 3, 4, 6, 8))


def _lanes(nest: Nest, form: Value, inside: bool, wide: int, hardware: Hardware) -> int:
    """Threads of a row by default."""
    inner, rows = max(s.numel for s in nest.spaces), nest.rows.numel
    if rows == 1:
        return 512 if form == "registers" and held_elements(nest) > 8192 else 256
    held = power(ceil(held_elements(nest) / 32)) if form == "registers" else 1
    if not inside:
        if form == "split":
            return 8
        few = ceil(rows / 32) < hardware.cores
        return max(held, min(power(ceil(inner / 8)), 32 if few else 8))
    wanted = power(ceil(inner / (8 * wide if inner > 4096 else 4 * wide)))
    return max(held, min(wanted, 256))


def _parts(nest: Nest, threads: int, lanes: int, wide: int, hardware: Hardware) -> int:
    """A few blocks a multiprocessor, each with several steps along its rows."""
    wanted = 4 * hardware.cores // max(1, ceil(nest.rows.numel / (threads // lanes)))
    most = max(4, nest.spaces[0].numel // (4 * lanes * wide))
    return max(4, min(512, power(min(wanted, most))))


def _divisors(wide: int) -> tuple[int, ...]:
    return tuple(v for v in (1, 2, 4, 8) if v <= wide)


def power(number: int) -> int:
    """The smallest power of two that is not below."""
    return 1 << max(number - 1, 0).bit_length()
