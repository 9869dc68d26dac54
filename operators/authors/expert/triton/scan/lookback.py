"""Few long rows in one pass: every program has one tile and waits for the sums of the tiles before it.

Decoupled look-back (Merrill and Garland, 2016) joins whatever is there first. Here the order is fixed, so that equal
inputs give equal results: the tiles of a program's own group, and the groups before, each published once.
"""

from __future__ import annotations

from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.scan.body import Body, Operation
from operators.authors.expert.triton.scan.frame import Frame
from operators.authors.expert.triton.scan.kernel import names
from operators.authors.expert.triton.scan.schedule import GROUP


def look_back(out: Functions, frame: Frame) -> KernelCode:
    body, scans = Body(frame), frame.scans
    rows, length, _ = scans.sizes
    tiles = f"triton.cdiv({length}, {frame.constants['CHUNK']})"
    groups = f"triton.cdiv({tiles}, {GROUP})"
    each = {s: body.operation(s) for s in scans.scans}
    body.finish(
        first={s: _publish(s, each[s]) for s in each},
        before={s: _wait(s, each[s]) for s in each},
    )
    tile = "(TILES - 1 - tile)" if scans.reverse else "tile"
    row = f"(number // TILES){'.to(tl.int64)' * frame.wide}"
    lines = [
        "# Programs start in the order of their numbers, so what one waits for is under way.",
        "number = tl.atomic_add(started, 1)",
        "tile = number % TILES",
        *frame.program(row),
        *body.before,
        *frame.steps(f"{tile}.to(tl.int64) * CHUNK" if frame.wide else f"{tile} * CHUNK"),
        f"# pass: look back {names(frame)}",
        *body.inside,
        *body.stores,
    ]
    out.scratch("started", "1", "int32", "zeros")
    for scan in scans.scans:
        out.scratch(f"tiles{scan}", f"{rows} * {tiles}", "int64", "zeros")
        out.scratch(f"groups{scan}", f"{rows} * {groups}", "int64", "zeros")
    words = {f"{kind}{scan}": "int64" for scan in scans.scans for kind in ("tiles", "groups")}
    constants = frame.constants | {
        "TILES": tiles,
        "GROUPS": groups,
        "GROUP": str(GROUP),
        "MOST": f"triton.next_power_of_2({groups})",
    }
    reads, warps = sorted(body.emitter.reads), out.settings.text("num_warps")
    scratch = {"started": "int32", **words}
    out.add("kernel", lines, constants, f"{rows} * {tiles}", warps, reads, scans.outputs, scratch)
    return out.code(reads, scans.outputs)


def _publish(scan: int, each: Operation) -> list[str]:
    """Makes the tile's sum known."""
    return [
        f"total{scan} = {_folded(each, f'taken{scan}')}",
        f"k_publish(tiles{scan} + o * TILES + tile, total{scan})",
    ]


def _wait(scan: int, each: Operation) -> list[str]:
    """Joins what other programs publish; the last program of a group tells the sum of all."""
    inside, around = f"group{scan}", f"groups{scan} + o * GROUPS"
    return [
        "other = tl.arange(0, GROUP)[None, :]",
        "wanted = other < tile % GROUP",
        f"word = k_wait(tiles{scan} + o * TILES + tile // GROUP * GROUP + other, wanted)",
        f"{inside} = {_folded(each, _published(each))}",
        "if tile % GROUP == GROUP - 1:",
        f"    k_publish({around} + tile // GROUP, {each.joined(inside, f'total{scan}')})",
        "other = tl.arange(0, MOST)[None, :]",
        "wanted = other < tile // GROUP",
        f"word = k_wait({around} + other, wanted)",
        f"carry{scan} = {each.joined(_folded(each, _published(each)), inside)}",
    ]


def _published(each: Operation) -> str:
    return f"tl.where(wanted, k_published(word, {each.type}), {each.start})"


def _folded(each: Operation, tile: str) -> str:
    """Sums in float64: errors of thousands of tiles' sums add up in what comes after them, and it is one addition for
    what takes bytes to read."""
    if each.op == "sum" and each.node.dtype.is_float:
        return f"{each.folded(f'({tile}).to(tl.float64)')}.to({each.type})"
    return each.folded(tile)
