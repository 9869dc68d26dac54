"""Kind "conv": convolutions in one to three dimensions, transposed ones too, with elementwise work around fused."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, prod
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan
from operators.authors.expert.triton.conv.convolution import Convolution, convolution
from operators.authors.expert.triton.conv.copies import input_copy, weights_copy
from operators.authors.expert.triton.conv.direct import direct
from operators.authors.expert.triton.conv.implicit import Implicit
from operators.authors.expert.triton.conv.join import join
from operators.authors.expert.triton.conv.rows import by_rows
from operators.authors.expert.triton.conv.schedule import (
    algorithms,
    copied,
    decisions,
    direct_positions,
    rows_at_once,
    tiles,
)
from operators.authors.expert.triton.matmul import pieces
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.schedule import in_one_piece, in_pieces
from operators.authors.expert.triton.nest.schedule import NOMINAL
from operators.authors.expert.triton.nest.settings import Settings


class ConvGenerator:
    """Choices: `convolution`, `sums` of a direct one, `product`, `depth` and `layout` of an implicit one; see
    `schedule.algorithms`."""

    kind = "conv"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        return convolution(graph, nodes, outputs) is not None

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        return [*algorithms(_found(graph, nodes, outputs))]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        return decisions(_found(graph, kernel.nodes, kernel.outputs), dict(kernel.choices), hardware)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        found = _found(graph, kernel.nodes, kernel.outputs)
        g, choices = found.geometry, dict(kernel.choices)
        defaults = {name: d.value for name, d in decisions(found, choices, hardware).items()}
        return {
            "kind": self.kind,
            **choices,
            "dimensions": len(g.axes),
            "batch": found.batch,
            "m": found.m,
            "n": found.n,
            "k": found.k,
            "groups": g.groups,
            "channels": g.group_channels,
            "taps": prod(g.kernel),
            "stride": max(axis.stride for axis in g.axes),
            "phases": g.phases,
            "transposed": g.transposed,
            "depthwise": g.group_channels == 1 and g.groups > 1,
            "dtype": found.dtype.value,
            "element_bytes": 2 if in_one_piece(choices) else found.dtype.bytes,
            "flops": g.flops,
            "bytes": sum(graph[i].type.bytes for i in (*found.reads, *kernel.outputs)),
            "rows_at_once": rows_at_once(g, choices),
            "tiles": _tiles(found, choices, defaults),
            "weights": any(graph[i].op == "state" for i in found.reads),
            "prologue": not (found.plain_input and found.plain_weights),
            "epilogue": len(found.contraction.after),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        found = _found(graph, kernel.nodes, kernel.outputs)
        choices = dict(kernel.choices)
        defaults = {} if kernel.schedule else decisions(found, choices, NOMINAL)
        out = Functions(graph, name, Settings(name.upper(), {**defaults, **kernel.schedule}))
        if choices["convolution"] == "direct":
            (by_rows if rows_at_once(found.geometry, choices) > 1 else direct)(out, found)
            return out.code(found.reads, found.contraction.outputs)
        self._copies(out, found, choices)
        if choices["product"] == "split":
            out.scratch("parts", f"{out.settings.text('split_k')} * {found.parts}", "float32")
        Implicit(out, found, kernel).add()
        if choices["product"] == "split":
            join(out, found)
        return out.code(found.reads, found.contraction.outputs)

    def _copies(self, out: Functions, found: Convolution, choices: Mapping[str, Value]) -> None:
        weights = weights_copy(out, found, choices["depth"] == "tap by tap")
        if in_pieces(choices):
            out.define(pieces.definitions(out.name, out.settings.text("input_precision")))
            input_copy(out, found).split()
            weights.split()
            return
        if copied(choices):
            input_copy(out, found).pack()
        if choices["layout"] != "as given":
            weights.pack()


def _tiles(found: Convolution, choices: Mapping[str, Value], defaults: Mapping[str, Value]) -> int:
    if "block_m" in defaults:
        return tiles(found, int(defaults["block_m"]), int(defaults["block_n"]))
    g = found.geometry
    blocks = ceil(direct_positions(g, choices) / int(defaults["block"]))
    return g.phases * blocks * ceil(g.images * g.rows / int(defaults["planes"]))


def _found(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Convolution:
    found = convolution(graph, nodes, outputs)
    if found is None:
        raise ValueError(f"no conv kernel computes nodes {nodes}")
    return found
