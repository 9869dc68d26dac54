"""Algorithms of attention on a GPU, the decisions that stage two may take about each, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.plan import Decision
from operators.authors.expert.triton.attention.task import Task
from operators.authors.expert.triton.matmul.schedule import MANY, PIECED
from operators.authors.expert.triton.nest.schedule import NOMINAL, power

AS_GIVEN, (PIECES, ONE_PIECE) = "as given", PIECED
LEAST = 16  # in every direction of a block, for tensor cores
_PIECES = 128  # elements of a key or value at most, of which two pieces fit
_REUSE = 128  # queries from which on keys and values are worth a pass of their own
_SPLIT = 512  # keys that a part has at least
_ROOMY = 200 << 10  # bytes of shared memory, as multiprocessors have whose tensor cores read from it
# Pieces of a factor, 0 where Triton takes float32 apart, and whether there is much shared memory, to queries, keys and
# warps of a block by default up to a width of keys and values.
_BLOCKS = {
    (0, True): {64: (128, 64, 8), 128: (128, 32, 8), 256: (16, 16, 8)},
    (0, False): {64: (64, 32, 4), 128: (32, 16, 4), 256: (16, 16, 8)},
    (1, True): {64: (128, 64, 4), 256: (128, 64, 8)},
    (1, False): {128: (128, 64, 8), 256: (32, 16, 4)},
    (2, True): {64: (128, 64, 4), 128: (128, 64, 8)},
    (2, False): {64: (64, 32, 4), 128: (32, 16, 4)},
}


def algorithms(task: Task) -> list[dict[str, Value]]:
    """The structural alternatives, the favourite first.

    "softmax": always "online". "keys": a program walks over all of them ("together"), or several share them ("split")
    and a second kernel joins what they found. "products", of float32: "as given", or keys and values are cut before,
    "in pieces" or "in one piece", as `products` says.
    """
    programs = task.batch * ceil(task.queries / 64)
    keys = ["split", "together"] if 4 * programs <= NOMINAL.cores else ["together", "split"]
    if 2 * programs > NOMINAL.cores or task.keys < 2 * _SPLIT:
        keys = ["together"]
    products = [{"products": each} for each in _products(task)] if task.single else [{}]
    return [{"softmax": "online", "keys": each, **way} for each in keys for way in products]


def _products(task: Task) -> list[str]:
    """Of float32, the favourite first."""
    if task.queries < _REUSE or min(task.depth, task.width) < LEAST:
        return [AS_GIVEN]
    ways = [AS_GIVEN, ONE_PIECE]
    if max(wide(task.depth), wide(task.width)) <= _PIECES:
        ways.insert(0 if task.flops >= MANY else 1, PIECES)
    return ways


def how(choices: Mapping[str, Value]) -> str:
    """How attention multiplies; half types as they are given."""
    return str(choices.get("products", AS_GIVEN))


def multiplied_bytes(task: Task, choices: Mapping[str, Value]) -> int:
    """Of an element, all its pieces together."""
    return 2 if how(choices) == ONE_PIECE else task.value.dtype.bytes


def in_what(choices: Mapping[str, Value]) -> str:
    """What the mark of a pass says of that: structures that differ in it only differ."""
    return "" if how(choices) == AS_GIVEN else f", {how(choices)}"


def decisions(task: Task, choices: dict[str, Value], hardware: Hardware) -> dict[str, Decision]:
    mapping, tiling, staging = Lever.MAPPING, Lever.TILING, Lever.STAGING
    queries, keys, warps, stages = _blocks(task, choices, hardware)
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
    if task.single and how(choices) == AS_GIVEN:
        words = ("ieee", "tf32x3", "bf16x6", "bf16x3", "tf32")
        found.append(Decision("input_precision", Lever.PRECISION, "tf32x3", words))
    return {d.name: d for d in found}


def wide(length: int) -> int:
    """The size of a block that takes all of a key or value."""
    return max(LEAST, power(length))


def _sizes(length: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Those that do not leave half of a block empty."""
    return tuple(size for size in sizes if size <= max(power(length), LEAST))


def _blocks(task: Task, choices: dict[str, Value], hardware: Hardware) -> tuple[int, int, int, int]:
    """(queries, keys, warps, stages) of a block by default: as large as the compiler keeps in registers."""
    widest, roomy = max(wide(task.depth), wide(task.width)), hardware.shared_bytes >= _ROOMY
    pieces = {PIECES: 2, ONE_PIECE: 1}.get(how(choices), 0 if task.single else 1)
    of_width = _BLOCKS[pieces, roomy]
    queries, keys, warps = next(
        (block for width, block in of_width.items() if widest <= width), [*of_width.values()][-1]
    )
    queries, keys = min(queries, max(LEAST, power(task.queries))), min(keys, max(LEAST, power(task.keys)))
    # Leave no multiprocessor idle.
    while queries > 64 and task.batch * ceil(task.queries / queries) < hardware.cores:
        queries //= 2
    element = multiplied_bytes(task, choices)
    size = keys * (wide(task.depth) + wide(task.width)) * element
    own = queries * wide(task.depth) * element
    stages = max(1, min(3 if pieces == 1 else 2, (hardware.shared_bytes - own) // size))
    return queries, keys, warps if queries >= 128 or (not pieces and widest > 128) else 4, stages


def _parts(task: Task, queries: int, hardware: Hardware) -> int:
    """Two programs a multiprocessor, each with some blocks of keys."""
    programs = task.batch * ceil(task.queries / queries)
    return max(2, min(64, power(2 * hardware.cores // programs), power(task.keys // _SPLIT)))
