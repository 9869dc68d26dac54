"""Kind "matmul": matrix products on tensor cores, with everything elementwise around them fused."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan
from operators.authors.expert.triton.matmul import pieces
from operators.authors.expert.triton.matmul.before import Factors, split
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.join import join
from operators.authors.expert.triton.matmul.library import multiply_by_library
from operators.authors.expert.triton.matmul.multiply import Multiply
from operators.authors.expert.triton.matmul.product import Product, product
from operators.authors.expert.triton.matmul.schedule import (
    LAYOUTS,
    LIBRARY,
    algorithms,
    by_depth,
    decisions,
    in_one_piece,
    in_pieces,
)
from operators.authors.expert.triton.nest.schedule import NOMINAL
from operators.authors.expert.triton.nest.settings import Settings


class MatmulGenerator:
    """Choices: `product`, `layout` and `zeros`; see `schedule.algorithms`."""

    kind = "matmul"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        return product(graph, nodes, outputs) is not None

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        return [*algorithms(_found(graph, nodes, outputs))]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        return decisions(_found(graph, kernel.nodes, kernel.outputs), dict(kernel.choices), hardware)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        found = _found(graph, kernel.nodes, kernel.outputs)
        defaults = {name: d.value for name, d in decisions(found, dict(kernel.choices), hardware).items()}
        rows, columns = (defaults.get(name, 128) for name in ("block_m", "block_n"))
        a_by_depth, b_by_depth = by_depth(found, kernel.choices["layout"])
        leaves = (*found.reads, *kernel.outputs)
        return {
            "kind": self.kind,
            "product": kernel.choices["product"],
            "layout": kernel.choices["layout"],
            "batch": found.batch,
            "m": found.m,
            "n": found.n,
            "k": found.k,
            "dtype": found.dtype.value,
            "element_bytes": 2 if in_one_piece(kernel.choices) else found.dtype.bytes,
            "flops": found.flops,
            "bytes": sum(graph[i].type.bytes for i in leaves),
            "tiles": found.batch * ceil(found.m / rows) * ceil(found.n / columns),
            "a_fixed": found.a.fixed,
            "b_fixed": found.b.fixed,
            "weights": any(graph[i].op == "state" for i in (*found.a.reads, *found.b.reads)),
            "a_transposed": not found.a.deep,
            "b_transposed": found.b.deep,
            "a_by_depth": a_by_depth,
            "b_by_depth": b_by_depth,
            "prologue": not (found.a.plain and found.b.plain),
            "epilogue": len(found.contraction.after),
            "triangular": any(found.triangles),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        found = _found(graph, kernel.nodes, kernel.outputs)
        defaults = {} if kernel.schedule else decisions(found, dict(kernel.choices), NOMINAL)
        out = Functions(graph, name, Settings(name.upper(), {**defaults, **kernel.schedule}))
        self._copies(out, found, kernel)
        if kernel.choices.get("zeros") == "skipped":
            out.scratch("infinite", "1", "int32", "zeros")
            for side in (found.a, found.b):
                Factors(out, found, side).look()
        if kernel.choices["product"] == LIBRARY:
            multiply_by_library(out, found)
            return out.code(found.reads, found.contraction.outputs)
        multiply = Multiply(out, found, kernel)
        multiply.add()
        if multiply.form.parts:
            join(multiply)
        return out.code(found.reads, found.contraction.outputs)

    def _copies(self, out: Functions, found: Product, kernel: KernelPlan) -> None:
        pieces_wanted = in_pieces(kernel.choices)
        if pieces_wanted:
            out.define(pieces.definitions(out.name, out.settings.text("input_precision")))
        for side in (found.a, found.b):
            if pieces_wanted:
                split(out, found, side, pieces.decided(out.name))
            elif side.factor.name in LAYOUTS[str(kernel.choices["layout"])]:
                Factors(out, found, side).pack()


def _found(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Product:
    found = product(graph, nodes, outputs)
    if found is None:
        raise ValueError(f"no matmul kernel computes nodes {nodes}")
    return found
