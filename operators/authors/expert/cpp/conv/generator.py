"""Convolutions in one to three dimensions with everything elementwise around them fused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.cpp.conv.convolution import Convolution, convolution
from operators.authors.expert.cpp.conv.text import offsets, pad, traits
from operators.authors.expert.cpp.matmul.schedule import IN_PLACE, LOCAL, SHARED, Sizes, blocked
from operators.authors.expert.cpp.matmul.text import BLOCKED, blocked_traits, finish, kernel_code
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan

_PRELUDES = (*BLOCKED, "gemm_conv.h")


class ConvGenerator:
    """Kernels of kind `conv`. The choice `convolution` is "direct" (taps are offsets into padded planes), "im2col"
    (patches are gathered block by block) or "pointwise" (a product an image).
    """

    kind = "conv"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        return convolution(graph, nodes, outputs) is not None

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        g = _found(graph, nodes, outputs).geometry
        names = ["pointwise"] * g.pointwise + ["direct"] + ["im2col"] * (not g.pointwise and g.group_rows > 1)
        return [{"convolution": name} for name in names]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        found = _found(graph, kernel.nodes, kernel.outputs)
        g, choice = found.geometry, kernel.choices["convolution"]
        columns = g.columns if choice == "direct" else prod(g.out)
        weights = (IN_PLACE, LOCAL) if found.weights.plain else (LOCAL,)
        if g.groups == 1:
            weights = (*weights, SHARED) if found.weights.plain else (SHARED, LOCAL)
        if choice == "pointwise":
            image = (LOCAL, SHARED, IN_PLACE) if found.image.plain and not found.image.deep else (LOCAL, SHARED)
            return blocked(Sizes(g.batch, g.group_rows, columns, g.depth, weights, image), hardware)
        own = g.batch % hardware.cores == 0 or g.batch >= 8 * hardware.cores
        decisions = blocked(
            Sizes(g.batch, g.group_rows, columns, g.depth, weights, (LOCAL, SHARED) if own else (SHARED, LOCAL)),
            hardware,
        )
        if own:  # an image a task: its padded copy stays in the caches of one core
            rows = -(-g.group_rows // decisions["mr"].value) * decisions["mr"].value
            decisions["mc"] = replace(decisions["mc"], value=rows)
            decisions["grid"] = replace(decisions["grid"], value="m")
        return decisions

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        found = _found(graph, kernel.nodes, kernel.outputs)
        g = found.geometry
        return {
            "kind": self.kind,
            "convolution": kernel.choices["convolution"],
            "dimensions": len(g.size),
            "batch": g.batch,
            "m": g.group_rows,
            "n": prod(g.out),
            "k": g.depth,
            "groups": g.groups,
            "taps": prod(g.kernel),
            "stride": max(g.stride),
            "depthwise": g.group_channels == 1 and g.groups > 1,
            "pointwise": g.pointwise,
            "flops": found.flops,
            "bytes": sum(graph[i].type.bytes for i in (*found.reads, *kernel.outputs)),
            "weights": True,
            "epilogue": len(found.contraction.after),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        found = _found(graph, kernel.nodes, kernel.outputs)
        if kernel.choices["convolution"] == "pointwise":
            return _pointwise(found, kernel, name)
        return _padded(found, kernel, name, kernel.choices["convolution"] == "im2col")


def _found(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Convolution:
    found = convolution(graph, nodes, outputs)
    if found is None:
        raise ValueError(f"no conv kernel computes nodes {nodes}")
    return found


def _weights(found: Convolution) -> str:
    batches = found.geometry.batch if found.geometry.groups > 1 else 1
    return "// pass: pack weights\n  const auto a = " + found.weights.source(batches) + ";"


def _pointwise(found: Convolution, kernel: KernelPlan, name: str) -> KernelCode:
    g, prefix = found.geometry, name.upper()
    body = [
        _weights(found),
        "// pass: pack images\n  const auto b = " + found.image.source(g.batch) + ";",
        finish(found.epilogue),
        "// pass: multiply images",
        f"gemm::blocked<{prefix}_S>(a, gemm::right<{prefix}_S>(b), gemm::AllDepths{{}}, finish);",
    ]
    reads = sorted({*found.weights.reads, *found.image.reads, *found.epilogue.reads})
    top = blocked_traits(prefix, g.batch, g.group_rows, prod(g.out), g.depth, False)
    return kernel_code(kernel, name, found.contraction, reads, top, body, BLOCKED)


def _padded(found: Convolution, kernel: KernelPlan, name: str, gather: bool) -> KernelCode:
    g, prefix = found.geometry, name.upper()
    columns = prod(g.out) if gather else g.columns
    stores = "finish" if gather else f"gemm::lines_of<{prefix}_S>(finish)"
    product = blocked_traits(prefix, g.batch, g.group_rows, columns, g.depth, False)
    top = [product.replace("\n};", "\n" + traits(g) + "\n};"), offsets(prefix, g)]
    image = f"gemm::{'Patches' if gather else 'Shifted'}<{prefix}_S, decltype(pad)>"
    body = [
        _weights(found),
        "// pass: pad images",
        pad(found),
        "// pass: gather patches" if gather else "// pass: read taps in place",
        f"const {image} b{{pad, {prefix}_offsets.at}};",
        finish(found.epilogue),
        f"// pass: multiply {'patches' if gather else 'taps'}",
        f"gemm::blocked<{prefix}_S>(a, b, gemm::AllDepths{{}}, {stores});",
    ]
    return kernel_code(kernel, name, found.contraction, found.reads, "\n".join(top), body, _PRELUDES)
