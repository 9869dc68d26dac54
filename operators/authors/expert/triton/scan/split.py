"""Few long rows in parts: one function reduces every part, the next joins those before its own and scans it."""

from __future__ import annotations

from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.nest.frame import program
from operators.authors.expert.triton.scan.body import Body
from operators.authors.expert.triton.scan.frame import Frame
from operators.authors.expert.triton.scan.kernel import carried, names, walk
from operators.authors.expert.triton.text import pointer_types


def split(out: Functions, frame: Frame) -> KernelCode:
    """Equal inputs give equal results: what is joined, and in which order, depends on sizes only."""
    scans = frame.scans
    parts = out.settings.text("parts")
    for scan, kind in _types(frame).items():
        out.scratch(f"parts{scan}", f"{scans.sizes[0] * scans.sizes[2]} * {parts}", kind)
    first = _reduce(out, frame)
    second = _scan(out, frame)
    return out.code(sorted({*first, *second}), scans.outputs)


def _reduce(out: Functions, frame: Frame) -> list[int]:
    body, scans = Body(frame), frame.scans
    inputs = {s: body.tile(s) for s in scans.scans}
    each = {s: body.operation(s) for s in scans.scans}
    tiles = [line for s in scans.scans for line in (*inputs[s], f"sum{s} = {each[s].joined(f'sum{s}', f'taken{s}')}")]
    lines = [
        *_piece(frame),
        *body.before,
        *(f"sum{s} = {each[s].full(frame.tile)}" for s in scans.scans),
        f"# pass: parts {names(frame)}",
        *walk(frame, "first", "last", [*body.loads, *tiles]),
        *(f"tl.store({_place(frame, s, 'part')}, {each[s].folded(f'sum{s}')}{_mask(frame)})" for s in scans.scans),
    ]
    return _add(out, frame, "parts", lines, sorted(body.emitter.reads), ())


def _scan(out: Functions, frame: Frame) -> list[int]:
    body, scans = Body(frame), frame.scans
    body.finish(after=carried(body))
    every = frame.along("PARTS")
    earlier = [f"earlier = {every} {'>' if scans.reverse else '<'} part"]
    for scan in scans.scans:
        each = body.operation(scan)
        found = f"tl.load({_place(frame, scan, every)}{_mask(frame)})"
        earlier.append(f"part{scan} = tl.where(earlier, {found}, {each.start}).to({each.type})")
        earlier.append(f"carry{scan} = {each.folded(f'part{scan}')}")
    lines = [*_piece(frame), *body.before, *earlier, f"# pass: scan {names(frame)}"]
    lines += walk(frame, "first", "last", [*body.inside, *body.stores])
    return _add(out, frame, "scan", lines, sorted(body.emitter.reads), scans.outputs)


def _piece(frame: Frame) -> list[str]:
    """The part of the axis that is the program's, in chunks."""
    chunks = f"tl.cdiv({frame.scans.sizes[1]}, CHUNK)"
    bounds = [f"first = tl.minimum(part * PIECE, {chunks})", f"last = tl.minimum(first + PIECE, {chunks})"]
    return [f"part = {program(False, 1)}", *frame.program(), *bounds]


def _place(frame: Frame, scan: int, part: str) -> str:
    return f"parts{scan} + (o * PARTS + {part})" + ("" if frame.contiguous else f" * {frame.scans.sizes[2]} + i")


def _mask(frame: Frame) -> str:
    mask = frame.masks().get("o" if frame.contiguous else "i")
    return f", mask={mask}" if mask else ""


def _types(frame: Frame) -> dict[int, str]:
    """Of the parts of each scan: a wider type takes what any schedule adds up in."""
    kinds = {}
    for scan in frame.scans.scans:
        dtype = frame.scans.graph[scan].dtype
        (named,) = pointer_types(frame.scans.graph, [scan])
        kinds[scan] = "float64" if dtype.is_float and "float64" in frame.settings.decisions else named
        if kinds[scan] in ("float16", "bfloat16"):
            kinds[scan] = "float32"
    return kinds


def _add(out: Functions, frame: Frame, suffix: str, lines: list[str], reads: list[int], writes: tuple) -> list[int]:
    constants, parts = frame.constants, out.settings.text("parts")
    chunks = f"triton.cdiv({frame.scans.sizes[1]}, {constants['CHUNK']})"
    constants |= {"PARTS": parts, "PIECE": f"triton.cdiv({chunks}, {parts})"}
    scratch = {f"parts{scan}": kind for scan, kind in _types(frame).items()}
    warps = out.settings.text("num_warps")
    out.add(suffix, lines, constants, f"{frame.blocks}, {parts}", warps, reads, writes, scratch)
    return reads
