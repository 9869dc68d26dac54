"""Decisions of a nest that stage two may take, and their defaults."""

from __future__ import annotations

from math import ceil, prod

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.kernels.index import linear
from operators.authors.expert.kernels.nest.access import lies_inside, transposes, work
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.domain import Space
from operators.authors.expert.plan import Decision

# Below so many element operations a parallel region costs more than it gains.
SERIAL_WORK = 16_384
_BLOCKS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


def decisions(nest: Nest, hardware: Hardware) -> dict[str, Decision]:
    lanes = "inside" if lies_inside(nest) else "across"
    widest = max(nest.graph[o].dtype.bytes for o in nest.outputs)
    vec = max(hardware.vector_bytes // max(4, min(widest, 8)), 2)
    parallel = _parallel(nest, lanes, hardware)
    mapping, tiling = Lever.MAPPING, Lever.TILING
    result = [
        Decision("lanes", mapping, lanes, ("inside", "across") if nest.reductions else ()),
        Decision("parallel", mapping, parallel, ("rows", "split", "serial") if nest.reductions else ("rows", "serial")),
        Decision("order", mapping, "blocks" if transposes(nest) else "rows", ("rows", "blocks")),
        Decision("omp_schedule", mapping, "static", ("static", "dynamic", "guided")),
        Decision("rows_per_task", mapping, 1, (1, 2, 4, 8, 16, 32, 64)),
        Decision("parts", mapping, 2 * hardware.cores, (2, 4, 8, 16, 32, 64, 128)),
        Decision("vec", tiling, vec, (4, 8, 16, 32)),
        Decision("unroll", tiling, _unroll(nest, vec), (1, 2, 4, 8)),
        Decision("col_block", tiling, _col_block(nest, hardware), _BLOCKS),
    ]
    if streamable(nest, hardware):
        result.append(Decision("stream_stores", Lever.STAGING, 0, (0, 1)))
    return {d.name: d for d in result}


def streamable(nest: Nest, hardware: Hardware) -> bool:
    """Whether every result is written once and in order; after reductions only results that no L2 cache holds."""
    if nest.reductions and sum(nest.graph[o].type.bytes for o in nest.outputs) <= hardware.l2_bytes:
        return False
    if nest.reductions and not any(map(nest.output_space, nest.outputs)):
        return False
    ends = [(linear(nest.output_place(o), nest.graph[o].shape), _lanes_of(nest, o)) for o in nest.outputs]
    return all(end.coefficient(space.names[-1]) == 1 for end, space in ends if space)


def _lanes_of(nest: Nest, output: int) -> Space | None:
    """The space along whose last variable an output is streamed; None for one that is not."""
    return nest.output_space(output) if nest.reductions else nest.rows


def tasks(nest: Nest, lanes: str, block: int) -> int:
    """Independent pieces of work when rows run in parallel."""
    if lanes == "inside":
        return nest.rows.numel
    return prod(nest.rows.sizes[:-1]) * ceil(nest.rows.sizes[-1] / block)


def _parallel(nest: Nest, lanes: str, hardware: Hardware) -> Value:
    if work(nest) < SERIAL_WORK:
        return "serial"
    few = tasks(nest, lanes, _col_block(nest, hardware)) < 2 * hardware.cores
    return "split" if few and nest.reductions and nest.spaces[0].numel >= 1024 else "rows"


def _unroll(nest: Nest, vec: int) -> int:
    length = nest.spaces[0].sizes[-1] if nest.spaces else vec
    return next((u for u in (4, 2) if u * vec <= length), 1)


def _col_block(nest: Nest, hardware: Hardware) -> int:
    """As many lanes as keep a block of columns with all its passes in the L2 cache, at least a cache line of them."""
    length = nest.rows.sizes[-1]
    if transposes(nest):
        return 32
    if not nest.reductions:
        wanted = 2048
    else:
        in_registers = 2 * hardware.vector_bytes  # 8 registers of floats
        wanted = max(64, min(in_registers, hardware.l2_bytes // (8 * max(s.numel for s in nest.spaces))))
    enough = nest.rows.numel // (4 * hardware.cores)
    wanted = max(64, min(wanted, enough)) if not nest.reductions else wanted
    return max((b for b in _BLOCKS if b <= min(wanted, max(length, 16))), default=16)
