"""A matrix product with its prologues and its epilogue, ready to be scheduled and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from operators.authors.expert.cpp.expr import Place, Unsupported
from operators.authors.expert.cpp.matmul.epilogue import Epilogue, epilogue, mergeable
from operators.authors.expert.cpp.matmul.operand import Operand, operand
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.kernels.index import Index, aligned, unravel, variable
from operators.authors.expert.kernels.matmul.contraction import Contraction, Known, find


@dataclass(frozen=True)
class Product:
    """`batch` products of [m, k] by [k, n]. When the right factor is shared, batches may have become rows (`m`)."""

    contraction: Contraction
    batch: int
    m: int
    n: int
    k: int
    a: Operand
    b: Operand
    a_batches: int
    b_batches: int
    epilogue: Epilogue

    @property
    def flops(self) -> int:
        return 2 * self.batch * self.m * self.n * self.k

    @property
    def small(self) -> int:
        """The width of the smaller factor."""
        return min(self.m, self.n)

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(sorted({*self.a.reads, *self.b.reads, *self.epilogue.reads}))


def product(graph: Graph, nodes: Sequence[int], outputs: Sequence[int], turned: bool = False) -> Product | None:
    """The product that these nodes compute, or None when they are not just one product and elementwise work.

    `turned`: as the transpose of the product of the transposed factors, so that `m` is the result's columns.
    """
    return _product(Known(graph), tuple(nodes), tuple(outputs), turned)


@lru_cache(maxsize=512)
def _product(known: Known, nodes: tuple[int, ...], outputs: tuple[int, ...], turned: bool) -> Product | None:
    found = find(known.graph, nodes, outputs, "dot")
    if found is None:
        return None
    try:
        merged = _merged(found, turned)
        return merged if merged is not None else _batched(found, turned)
    except Unsupported:
        return None


def _batched(found: Contraction, turned: bool) -> Product | None:
    *batch, m, _ = found.node.shape
    total = prod(batch)
    rows = variable(_row(turned), m)
    return _at(found, (*unravel(variable("batch", total), batch), rows), total, m, turned)


def _merged(found: Contraction, turned: bool) -> Product | None:
    """The product with all batches as rows of one, if every address allows to run on from one batch into the next."""
    rows = found.node.shape[:-1]
    if prod(rows[:-1]) == 1 or prod(found.graph[found.node.inputs[1]].shape[:-2]) != 1:
        return None
    axes = [(f"row{d}", size) for d, size in enumerate(rows)]
    probe = _at(found, tuple(variable(*axis) for axis in axes), 1, rows[-1], False)
    if probe is None or not mergeable((*probe.a.positions, *probe.epilogue.positions), axes):
        return None
    # As all addresses are linear in it, the innermost variable may run past its own axis.
    last = max(d for d, size in enumerate(rows) if size > 1)
    place = tuple(variable(_row(turned), size) if d == last else Index() for d, size in enumerate(rows))
    return _at(found, place, 1, prod(rows), turned)


def _row(turned: bool) -> str:
    """The name of the variable that runs over rows of the result."""
    return "j" if turned else "i"


def _at(found: Contraction, rows: Place, batch: int, m: int, turned: bool) -> Product | None:
    """The product whose left factor and result are indexed by `rows`, the batch axes and the row."""
    graph, node = found.graph, found.node
    left, right = (graph[i] for i in node.inputs)
    n, k = node.shape[-1], left.shape[-1]
    p, outer, row, column = variable("p", k), rows[:-1], _row(turned), _row(not turned)
    a = operand(graph, found.nodes, left.id, (*aligned(outer, left.shape[:-2]), rows[-1], p), row)
    b = operand(graph, found.nodes, right.id, (*aligned(outer, right.shape[:-2]), p, variable(column, n)), column)
    batches = [batch if prod(side.shape[:-2]) > 1 else 1 for side in (left, right)]
    if turned:
        # The columns of the epilogue are rows of the result: their index takes the place of the row's variable,
        # unless that one runs past its own axis.
        fixed, runs_on = variable(column, n), rows[-1].high + 1 < m
        after = epilogue(found, lambda j: (*(r if runs_on else _replaced(r, row, j) for r in rows), fixed), m)
        return after and Product(found, batch, n, m, k, b, a, batches[1], batches[0], after)
    after = epilogue(found, lambda j: (*rows, j), n)
    return after and Product(found, batch, m, n, k, a, b, batches[0], batches[1], after)


def _replaced(index: Index, name: str, other: Index) -> Index:
    """`index` with `other` for the loop variable `name`, if it is that variable."""
    return other if index.coefficient(name) == 1 else index
