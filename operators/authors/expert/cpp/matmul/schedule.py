"""Default schedules of products: register tiles, cache blocks and packing from the sizes of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.plan import Decision

IN_PLACE, SHARED, LOCAL = 0, 1, 2
_CHAIN = 384  # products summed one after another: longer chains round visibly worse than libraries do


def decision(name: str, lever: Lever, value: Value, choices: Sequence[Value] = ()) -> tuple[str, Decision]:
    return name, Decision(name, lever, value, tuple(choices))


@dataclass(frozen=True)
class Sizes:
    """What the default schedule of a blocked product depends on."""

    batch: int
    m: int
    n: int
    k: int
    a_choices: tuple[int, ...]  # places that the left factor may be read from, the favourite first
    b_choices: tuple[int, ...]


def registers(hardware: Hardware) -> int:
    return 32 if hardware.vector_bytes == 64 else 16


def micro_tile(m: int, n: int, hardware: Hardware) -> tuple[int, int]:
    """Rows and vectors of the register tile: few wasted lanes, many multiplications a load, no spills."""
    vector, limit = hardware.vector_bytes // 4, registers(hardware)
    # A single row has nothing but vectors to hide latency with.
    tiles = [(1, v) for v in range(1, 9)] if m == 1 else [(r, v) for v in range(1, 5) for r in range(1, 15)]
    # With no register to spare, g++ loads a vector again for every multiplication.
    fitting = [(r, v) for r, v in tiles if r * v + v + 1 < limit]

    def efficiency(tile: tuple[int, int]) -> float:
        rows, vectors = tile
        used = m / (-(-m // rows) * rows) * n / (-(-n // (vectors * vector)) * vectors * vector)
        work = rows * vectors
        # Two loads and two multiplications a cycle, and a latency of four: both want large tiles.
        return used * min(1.0, work / 8) * work / (work + 0.25 * (rows + vectors))

    return max(fitting, key=lambda tile: (round(efficiency(tile), 3), tile[0] * tile[1]))


def blocked(sizes: Sizes, hardware: Hardware) -> dict[str, Decision]:
    """Every decision about a blocked product."""
    vector = hardware.vector_bytes // 4
    mr, nr = micro_tile(sizes.m, sizes.n, hardware)
    kc = _even(sizes.k, _CHAIN)
    nc = _block(sizes.n, hardware.l2_bytes // 8 // kc, nr * vector)
    mc = _rows(sizes, nc, mr, hardware)
    split = _split(sizes, mc, nc, hardware)
    return dict(
        [
            decision("vector", Lever.TILING, vector),
            decision("mr", Lever.TILING, mr, _upto((1, 2, 4, 6, 8, 9, 12, 14), sizes.m)),
            decision("nr", Lever.TILING, nr, (1, 2, 3, 4) if sizes.m > 1 else (1, 2, 4, 8)),
            decision("mc", Lever.TILING, mc, _upto((24, 48, 96, 192, 384), sizes.m)),
            decision("nc", Lever.TILING, nc, _upto((96, 192, 384, 768, 1536), sizes.n)),
            decision("kc", Lever.TILING, kc, _upto((128, 256, 384, 512), sizes.k)),
            decision("grid", Lever.MAPPING, "mn", ("m", "n", "mn")),
            decision("split_k", Lever.MAPPING, split, [s for s in (1, 2, 4, 8) if s <= sizes.k]),
            decision("dynamic", Lever.MAPPING, 1, (0, 1)),
            decision("pack_a", Lever.STAGING, sizes.a_choices[0], sizes.a_choices),
            decision("pack_b", Lever.STAGING, sizes.b_choices[0], sizes.b_choices),
            decision("prefetch", Lever.STAGING, 0, (0, 4, 8, 16)),
        ]
    )


def skinny(small: int, big: int, k: int, batch: int, deep: bool, hardware: Hardware) -> dict[str, Decision]:
    """Every decision about a skinny product; `deep` says that its big factor is contiguous along the depth."""
    rows = max(1, min(8, (registers(hardware) - 2) // (small + 1))) if deep else 4
    chunk = max(256, min(hardware.l1d_bytes // 8 // (rows if deep else small), k if deep else big))
    blocks = batch * -(-big // (16 * rows if deep else chunk))
    split = min(k, hardware.cores) if blocks < hardware.cores and big * k * batch > 1 << 16 else 1
    return dict(
        [
            decision("vector", Lever.TILING, hardware.vector_bytes // 4),
            decision("rows", Lever.TILING, rows, (1, 2, 4, 8)),
            decision("chunk", Lever.TILING, chunk, (256, 512, 1024, 2048, 4096)),
            decision("split_k", Lever.MAPPING, split, [s for s in (1, 2, 4, 8) if s <= k]),
        ]
    )


def _rows(sizes: Sizes, nc: int, mr: int, hardware: Hardware) -> int:
    """Rows of a block: all tiles together are a multiple of the cores, and several for each where there is work."""
    columns = sizes.batch * -(-sizes.n // nc)
    parts = 1
    if columns % hardware.cores or columns < 2 * hardware.cores:
        parts = max(1, min(4 * hardware.cores // columns, sizes.m // (4 * mr)))
        parts = -(-parts // hardware.cores) * hardware.cores if sizes.m >= hardware.cores * mr else 1
    return min(_block(-(-sizes.m // parts), 1 << 20, mr), -(-256 // mr) * mr)


def _split(sizes: Sizes, mc: int, nc: int, hardware: Hardware) -> int:
    """Parts of the depth: only where a long depth meets too few tiles for the cores."""
    tiles = sizes.batch * -(-sizes.m // mc) * -(-sizes.n // nc)
    return hardware.cores if tiles < hardware.cores and sizes.k >= 512 * hardware.cores else 1


def _even(size: int, most: int) -> int:
    """`size` in equal parts of at most `most`."""
    return -(-size // -(-size // most))


def _block(size: int, most: int, unit: int) -> int:
    """`size` in equal parts of at most about `most`, a multiple of `unit`."""
    parts = -(-size // max(unit, most))
    return -(-size // (parts * unit)) * unit


def _upto(values: Sequence[int], size: int) -> list[int]:
    """The values below `size`, and the next one."""
    return [v for i, v in enumerate(values) if i == 0 or values[i - 1] < size]
