"""Kind "conv": depthwise convolutions; others are products, which torch's libraries do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.cuda.conv.code import Code
from operators.authors.expert.cuda.conv.depthwise import Depthwise, depthwise
from operators.authors.expert.cuda.functions import Functions
from operators.authors.expert.cuda.settings import Settings
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan

_SHARED = 48 << 10  # bytes of shared memory that any kernel may have
_LEAST = 8  # outputs along x of a tile
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ConvGenerator:
    """The choice `window` is where a window waits: "registers" of the threads that use it, or "shared" memory."""

    kind = "conv"

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        return depthwise(graph, nodes, outputs) is not None

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        """Small windows overlap in registers and the first-level cache; large ones are worth staging."""
        found = _found(graph, nodes, outputs)
        places = ["registers", "shared"] if found.taps <= 9 or found.flat else ["shared", "registers"]
        if _window_bytes(found, _LEAST, 1) > _SHARED:  # dilated beyond all bounds
            places = ["registers"]
        return [{"convolution": "direct", "window": place} for place in places]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        return _decisions(_found(graph, kernel.nodes, kernel.outputs), kernel.choices)

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        found = _found(graph, kernel.nodes, kernel.outputs)
        read = {i for n in kernel.nodes for i in graph[n].inputs} - set(kernel.nodes)
        return {
            "kind": self.kind,
            **kernel.choices,
            "dimensions": 1 if found.flat else 2,
            "m": found.y.out * found.x.out,
            "n": 1,
            "k": found.taps,
            "groups": found.channels,
            "taps": found.taps,
            "stride": max(found.y.stride, found.x.stride),
            "depthwise": True,
            "flops": 2 * found.outputs * found.taps,
            "work": found.outputs * found.taps,
            "bytes": sum(graph[i].type.bytes for i in (*read, *kernel.outputs)),
            "epilogue": len(found.contraction.after),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        found = _found(graph, kernel.nodes, kernel.outputs)
        defaults = {} if kernel.schedule else _decisions(found, kernel.choices)
        out = Functions(graph, name, Settings(name.upper(), {**defaults, **kernel.schedule}))
        code = Code(found, out)
        return code.tiles() if kernel.choices.get("window") == "shared" else code.strips()


def _decisions(found: Depthwise, choices: Mapping[str, Value]) -> dict[str, Decision]:
    tiling, threads = Lever.TILING, Decision("threads", Lever.MAPPING, 256, (64, 128, 256, 512))
    occupancy = Decision("blocks_per_core", Lever.STAGING, 1, (1, 2, 3, 4, 6, 8))
    if choices.get("window") != "shared":
        strip = 1 if found.y.out == 1 else 4 if found.y.out >= 4 else 2
        strips = tuple(s for s in (1, 2, 4, 8, 16) if s < 2 * found.y.out)
        return {d.name: d for d in (threads, Decision("strip", tiling, strip, strips), occupancy)}
    x, y = _sizes(_LEAST, 256, found.x.out), _sizes(1, 64, found.y.out)
    # Every pair of sizes must fit.
    while _window_bytes(found, x[-1], y[-1]) > _SHARED:
        x, y = (x[:-1], y) if len(x) > 1 and (x[-1] >= y[-1] or len(y) == 1) else (x, y[:-1])
    across = Decision("tile_x", tiling, _nearest(x, 256 if found.flat else 32), x)
    return {d.name: d for d in (threads, Decision("tile_y", tiling, _nearest(y, 32), y), across, occupancy)}


def _sizes(least: int, most: int, outputs: int) -> tuple[int, ...]:
    """Sizes of tiles along an axis."""
    return tuple(s for s in _SIZES if least <= s <= most and s < 2 * outputs) or (least,)


def _window_bytes(found: Depthwise, x: int, y: int) -> int:
    """Shared memory of a tile of `y` by `x` outputs."""
    sizes = ((tile - 1) * a.stride + (a.taps - 1) * a.dilation + 1 for tile, a in ((x, found.x), (y, found.y)))
    width, height = sizes
    return 4 * width * height


def _nearest(sizes: tuple[int, ...], wanted: int) -> int:
    return max((s for s in sizes if s <= wanted), default=sizes[0])


def _found(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Depthwise:
    found = depthwise(graph, nodes, outputs)
    assert found is not None, "not a depthwise convolution"
    return found
