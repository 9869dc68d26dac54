"""Kind "library": what is left to torch on a GPU. It generates nothing; it has choices, decisions and facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Lever, Value
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.library.calls import contracts, convolves, flops, traffic
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan
from operators.authors.expert.structures.partition import LIBRARY_KIND

CHANNELS_LAST = {"layout": "channels_last"}


class LibraryGenerator:
    """Choice `layout`: convolutions with channels last. Decision `tf32`: the arithmetic of products in float32.

    Strict float32 is the default: PyTorch ships with TF32 on for convolutions, which is not as exact.
    """

    kind = LIBRARY_KIND

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        """Nothing grows into a library kernel: it is what the others leave."""
        return False

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        return [{}, CHANNELS_LAST] if any(convolves(graph, n) for n in nodes) else [{}]

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        if not any(contracts(graph, n) for n in kernel.nodes):
            return {}
        return {"tf32": Decision("tf32", Lever.PRECISION, False, (False, True))}

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "contracts": any(contracts(graph, n) for n in kernel.nodes),
            "convolves": any(convolves(graph, n) for n in kernel.nodes),
            "layout": kernel.choices.get("layout", "as given"),
            "flops": flops(graph, kernel),
            "bytes": traffic(graph, kernel),
        }

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        raise ValueError(f"{name} is left to torch: `library.text` has its calls")
