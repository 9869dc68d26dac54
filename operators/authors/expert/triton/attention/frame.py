"""What both kernels of attention have in common: their variables, the row that a program works on, and the end.

Variables: q (queries) and e (depth) of a query, f (depth) and j (keys) of a key, r (keys) and x (width) of a value; b0,
b1, ... number the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from operators.authors.expert.kernels.index import unravel, variable
from operators.authors.expert.triton.attention.schedule import wide
from operators.authors.expert.triton.attention.task import Task
from operators.authors.expert.triton.dtypes import STORAGE
from operators.authors.expert.triton.expr import Emitter
from operators.authors.expert.triton.matmul.frame import Block
from operators.authors.expert.triton.nest.settings import Settings

_DOWN, _ALONG = "[:, None]", "[None, :]"


def blocks(task: Task, settings: Settings, rows: bool) -> dict[str, Block]:
    """`rows`: whether every size of a block of queries divides them."""
    keys = settings.divides("block_n", task.keys)
    deep, broad = (wide(length) == length for length in (task.depth, task.width))
    return {
        "q": Block("BLOCK_M", task.queries, _DOWN, rows),
        "e": Block("BLOCK_D", task.depth, _ALONG, deep),
        "f": Block("BLOCK_D", task.depth, _DOWN, deep),
        "j": Block("BLOCK_N", task.keys, _ALONG, keys),
        "r": Block("BLOCK_N", task.keys, _DOWN, keys),
        "x": Block("BLOCK_V", task.width, _ALONG, broad),
    }


def batch_lines(task: Task) -> list[str]:
    """Defines the batch's variables by the number `entry`."""
    index = unravel(variable("entry", task.batch), task.found.batch)
    return [f"b{i} = {each.written('//')}" for i, each in enumerate(index) if each.terms]


def outer(task: Task) -> frozenset[str]:
    """The variables that stay the same over all keys."""
    return frozenset(["entry", "q", "e", "f", "x", *(f"b{i}" for i in range(len(task.found.batch)))])


@dataclass(frozen=True)
class Part:
    """What a part of the keys leaves behind in the tensor `name`: `size` numbers, those of this program at `place`."""

    name: str
    size: int
    place: str
    mask: str

    @property
    def access(self) -> str:
        return f"{self.name} + piece * {self.size} + {self.place}"


def parts(task: Task, masks: Mapping[str, str]) -> dict[str, Part]:
    """By the name of the value: sums of weighted values, sums of weights, largest scores."""
    rows = task.batch * task.queries
    row = f"(entry * {task.queries} + q)"
    in_row, in_all = (
        "".join(f", mask={' & '.join(found)}" for found in [[masks[v] for v in names if v in masks]] if found)
        for names in ("q", "qx")
    )
    return {
        "acc": Part("sums_of_parts", rows * task.width, f"{row} * {task.width} + x", in_all),
        "total": Part("totals_of_parts", rows, row, in_row),
        "top": Part("tops_of_parts", rows, row, in_row),
    }


def finish(task: Task, emitter: Emitter, body: list[str]) -> list[str]:
    """Statements that store the results, given sums of weighted values `acc` and of weights `total`; what they need
    goes to `body`."""
    out = task.found.out
    body.append("share = tl.div_rn(1.0, total)")
    if task.found.zeros:
        body.append("share = tl.where(total == 0.0, 0.0, share)")
    half = "" if task.single else f".to({STORAGE[out.dtype]}).to(tl.float32)"
    body.append(f"sums = (acc * share){half}")
    sizes = {"q": task.queries, "x": task.width}
    axes = [axis for axis, size in enumerate(sizes.values()) if size == 1]
    if len(axes) == 2:
        body.append("sums = tl.max(tl.max(sums, 1), 0)")
    # Equal rows are one query, equal columns one value.
    body += [f"sums = tl.max(sums, {axis}, keep_dims=True)" for axis in axes if len(axes) == 1]
    emitter.hold("sums", frozenset(name for name, size in sizes.items() if size > 1))
    places = task.epilogue.places((*task.row, variable("x", task.width)))
    assert places is not None, "attention has an epilogue that maps one to one"
    return [emitter.store(output, places[output]) for output in task.epilogue.outputs]
