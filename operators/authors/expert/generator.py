"""What a generator of one kind of kernel offers to the planner; every dialect has a set of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Value
from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.plan import Decision, KernelCode, KernelPlan


class Generator(Protocol):
    """One kind of kernel in one dialect. All methods are pure functions of their arguments."""

    kind: str

    def supports(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
        """Whether one kernel of this kind can compute `outputs` by these nodes. The planner grows kernels with it."""
        ...

    def structures(self, graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> list[Mapping[str, Value]]:
        """The structural alternatives of such a kernel (`KernelPlan.choices`), the expert's favourite first."""
        ...

    def schedule(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Decision]:
        """Every decision that stage two may take for this kernel, with the expert's default for this hardware.

        `Decision.choices` lists all sensible values; the planner opens only those that a principle opens.
        """
        ...

    def facts(self, graph: Graph, kernel: KernelPlan, hardware: Hardware) -> dict[str, Any]:
        """Numbers and words about the kernel for principles (`kernel.rows`, ...); always has "kind".
        `capability` is the compute capability that its algorithm needs, where not every GPU has it."""
        ...

    def emit(self, graph: Graph, kernel: KernelPlan, name: str) -> KernelCode:
        """The kernel's code. `name` is the function's name and the upper-cased prefix of its knobs ("k0", "K0_...")."""
        ...
