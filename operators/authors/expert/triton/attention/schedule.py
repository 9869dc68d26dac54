"""Algorithms of attention on a GPU, the decisions that stage two may take about each, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.plan import Decision
from operators.authors.expert.triton.attention.task import Task
from operators.authors.expert.triton.nest.schedule import NOMINAL, power

LEAST = 16  # in every direction of a block, for tensor cores
_PIECES = 128  # elements of a key or value at most, of which pieces fit
_SPLIT = 512  # keys that a part has at least
_ROOMY = 200 << 10  # bytes of shared memory, as multiprocessors have whose tensor cores read from it
# Queries and keys of a block by default, for float32, for much shared memory, up to a width of keys and values.
_BLOCKS = {
    (True, True, 64): (128, 64),
    (True, True, 128): (128, 32),
    (True, False, 64): (64, 32),
    (True, False, 128): (32, 16),
    (True, False, 256): (16, 16),
    (False, True, 64): (128, 128),
    (False, True, 256): (128, 64),
    (False, False, 128): (128, 64),
    (False, False, 256): (32, 16),
}


def algorithms(task: Task) -> list[dict[str, Value]]:
    """The structural alternatives, the favourite first.

    "softmax": always "online". "keys": a program walks over all of them ("together"), or several share them ("split")
    and a second kernel joins what they found. "products", of float32: "as given" or "in pieces", as `products` says.
    """
    programs = task.batch * ceil(task.queries / 64)
    keys = ["split", "together"] if 4 * programs <= NOMINAL.cores else ["together", "split"]
    if 2 * programs > NOMINAL.cores or task.keys < 2 * _SPLIT:
        keys = ["together"]
    ways = ("as given", "in pieces") if max(wide(task.depth), wide(task.width)) <= _PIECES else ("as given",)
    products = [{"products": each} for each in ways] if task.single else [{}]
    return [{"softmax": "online", "keys": each, **how} for each in keys for how in products]


def in_pieces(choices: Mapping[str, Value]) -> bool:
    return choices.get("products") == "in pieces"


def decisions(task: Task, choices: dict[str, Value], hardware: Hardware) -> dict[str, Decision]:
    mapping, tiling, staging = Lever.MAPPING, Lever.TILING, Lever.STAGING
    queries, keys, warps, stages = _blocks(task, hardware)
    found = [
        Decision("block_m", tiling, queries, _sizes(task.queries, (16, 32, 64, 128, 256))),
        Decision("block_n", tiling, keys, _sizes(task.keys, (16, 32, 64, 128, 256))),
        Decision("num_warps", staging, warps, (2, 4, 8, 16)),
        Decision("num_stages", staging, stages, (1, 2, 3, 4)),
    ]
    if task.causal and task.queries > LEAST:
        found.append(Decision("order", mapping, "backward", ("forward", "backward", "longest")))
    if choices["keys"] == "split":
        found.append(Decision("parts", mapping, _parts(task, queries, hardware), (2, 4, 8, 16, 32, 64)))
    if task.single and not in_pieces(choices):
        words = ("ieee", "tf32x3", "bf16x6", "bf16x3", "tf32")
        found.append(Decision("input_precision", Lever.PRECISION, "tf32x3", words))
    return {d.name: d for d in found}


def wide(length: int) -> int:
    """The size of a block that takes all of a key or value."""
    return max(LEAST, power(length))


def _sizes(length: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Those that do not leave half of a block empty."""
    return tuple(size for size in sizes if size <= max(power(length), LEAST))


def _blocks(task: Task, hardware: Hardware) -> tuple[int, int, int, int]:
    """(queries, keys, warps, stages) of a block by default: as large as the compiler keeps in registers."""
    widest, roomy = max(wide(task.depth), wide(task.width)), hardware.shared_bytes >= _ROOMY
    queries, keys = next(
        block
        for (single, room, width), block in _BLOCKS.items()
        if single is task.single and room <= roomy and widest <= width
    )
    queries, keys = min(queries, max(LEAST, power(task.queries))), min(keys, max(LEAST, power(task.keys)))
    # Leave no multiprocessor idle.
    while queries > 64 and task.batch * ceil(task.queries / queries) < hardware.cores:
        queries //= 2
    size = keys * (wide(task.depth) + wide(task.width)) * task.value.dtype.bytes
    own = queries * wide(task.depth) * task.value.dtype.bytes
    stages = max(1, min(2 if task.single else 3, (hardware.shared_bytes - own) // size))
    return queries, keys, 8 if queries >= 128 or (task.single and widest > 128) else 4, stages


def _parts(task: Task, queries: int, hardware: Hardware) -> int:
    """Two programs a multiprocessor, each with some blocks of keys."""
    programs = task.batch * ceil(task.queries / queries)
    return max(2, min(64, power(2 * hardware.cores // programs), power(task.keys // _SPLIT)))
