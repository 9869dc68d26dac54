"""The function that joins what parts of the keys came to, in order, and finishes the result."""

from __future__ import annotations

from operators.authors.expert.triton.attention.attend import factor
from operators.authors.expert.triton.attention.frame import batch_lines, blocks, finish, outer, parts
from operators.authors.expert.triton.attention.schedule import wide
from operators.authors.expert.triton.attention.task import Task
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul.frame import Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.nest.schedule import power
from operators.authors.expert.triton.text import loop

_ROWS, _WARPS = 8, "4"


def join(out: Functions, task: Task) -> None:
    rows = min(_ROWS, power(task.queries))
    frame = Frame(blocks(task, out.settings, task.queries % rows == 0), task.wide)
    body = ["# pass: join the parts", f"program = {frame.program()}", "entry = program // BLOCKS"]
    body += [*batch_lines(task), *frame.defined("q", "program % BLOCKS * BLOCK_M"), *frame.defined("x", "0")]
    emitter = Emitter(
        task.graph,
        task.nodes,
        {task.found.out.id: lambda index: "sums"},
        masks=frame.masks(),
        scopes=[Scope(outer(task), body)],
    )
    found = parts(task, frame.masks())
    sums, totals, tops = (f"tl.load({part.access}{part.mask})" for part in found.values())
    body.append('top = tl.full([BLOCK_M, 1], float("-inf"), tl.float32)')
    body += loop("piece in tl.range(0, PARTS)", [f"top = tl.maximum(top, {tops})"])
    body += [
        'reached = tl.where(top == float("-inf"), 0.0, top)',
        "total = tl.zeros([BLOCK_M, 1], tl.float32)",
        "acc = tl.zeros([BLOCK_M, BLOCK_V], tl.float32)",
    ]
    lines = [f"scale = tl.exp2(({tops} - reached) * FACTOR)"]
    lines += [f"total = tl.fma({totals}, scale, total)", f"acc = tl.fma({sums}, scale, acc)"]
    body += loop("piece in tl.range(0, PARTS)", lines)
    body += finish(task, emitter, body)
    values = {"BLOCK_M": str(rows), "BLOCKS": str(-(-task.queries // rows)), "FACTOR": repr(factor(task))}
    values |= {"BLOCK_V": str(wide(task.width) if task.width > 1 else 1), "PARTS": out.settings.text("parts")}
    grid = f"{task.batch} * {values['BLOCKS']}"
    pointers = {part.name: "float32" for part in found.values()}
    out.add("join", body, values, grid, _WARPS, sorted(emitter.reads), task.epilogue.outputs, pointers)
