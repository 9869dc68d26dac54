"""The Triton functions of a scan whose programs have whole rows, or whole columns."""

from __future__ import annotations

from collections.abc import Iterable

from operators.authors.expert.plan import KernelCode
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.scan.body import Body
from operators.authors.expert.triton.scan.frame import Frame
from operators.authors.expert.triton.text import loop


def one_pass(out: Functions, frame: Frame) -> KernelCode:
    """A program for every block of lanes, which walks along the axis with a carry."""
    body = Body(frame)
    scans = frame.scans
    body.finish(after=carried(body))
    lines = [
        *frame.program(),
        *body.before,
        *(f"carry{s} = {body.operation(s).full(frame.edge)}" for s in scans.scans),
        f"# pass: scan {names(frame)}",
        *walk(frame, "0", f"tl.cdiv({scans.sizes[1]}, CHUNK)", [*body.inside, *body.stores]),
    ]
    reads = sorted(body.emitter.reads)
    out.add("kernel", lines, frame.constants, frame.blocks, out.settings.text("num_warps"), reads, scans.outputs)
    return out.code(reads, scans.outputs)


def walk(frame: Frame, first: str, last: str, lines: Iterable[str]) -> list[str]:
    """A loop over the chunks from number `first` to before `last`, in the scan's direction."""
    stages = ", num_stages=STAGES" if set(frame.settings.every("num_stages")) - {1} else ""
    chunk = f"({first} + {last} - 1 - chunk)" if frame.scans.reverse else "chunk"
    start = f"{chunk}.to(tl.int64) * CHUNK" if frame.wide else f"{chunk} * CHUNK"
    return loop(f"chunk in tl.range({first}, {last}{stages})", [*frame.steps(start), *lines])


def carried(body: Body) -> dict[int, list[str]]:
    """What the next chunk of the same lanes starts from."""
    each = {s: body.operation(s) for s in body.frame.scans.scans}
    return {s: [f"carry{s} = {each[s].joined(f'carry{s}', each[s].folded(f'taken{s}'))}"] for s in each}


def names(frame: Frame) -> str:
    """The operations, as the names of passes say them."""
    return ", ".join(frame.scans.graph[s].attrs["op"] for s in frame.scans.scans)
