"""A plan: the whole of the expert's choices for one candidate. Code generation is a pure function of it.

`Plan.rewrites` and each kernel's nodes and `choices` are structure; each kernel's `schedule` belongs to stage two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egg_search.core.knobs import Knob, Lever, Value


@dataclass(frozen=True)
class Decision:
    """One schedule entry of a kernel: its value, and the values it may be tuned over.

    A decision with several `choices` whose kind of kernel reads it as a macro becomes the knob `K<i>_<NAME>`.
    """

    name: str
    lever: Lever
    value: Value
    choices: tuple[Value, ...] = ()

    def knob(self, prefix: str) -> Knob | None:
        """This decision as a knob of the kernel `prefix` ("K0"), if there is something to choose."""
        choices = tuple(dict.fromkeys((*self.choices, self.value)))
        return Knob(f"{prefix}_{self.name.upper()}", self.lever, self.value, choices) if len(choices) > 1 else None


@dataclass(frozen=True)
class KernelPlan:
    """One kernel: `nodes` it computes (topological), `outputs` it writes to memory; the rest of them stays inside.

    Everything that `nodes` read and do not contain is read from memory, dense and row-major.
    """

    kind: str  # a generator's name: nest, scan, matmul, conv, attention, library
    nodes: tuple[int, ...]
    outputs: tuple[int, ...]
    choices: Mapping[str, Value] = field(default_factory=dict)  # structure: e.g. {"softmax": "online"}
    schedule: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    rewrites: tuple[str, ...]
    kernels: tuple[KernelPlan, ...]  # in launch order
    fusion: str = ""  # the name of the rule that cut the graph into these kernels
    launch: str = ""  # "graph": all kernels by one launch of a captured CUDA graph


@dataclass(frozen=True)
class Kept:
    """What a kernel makes of parameters and buffers alone, and keeps until they change: repacked weights.

    `name` is a Python function of the nodes `reads`, all of them state, that returns the tensors `tensors` (names)."""

    name: str
    reads: tuple[int, ...]
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class KernelCode:
    """What a generator emits for one kernel.

    `source` defines a function NAME of `reads`, in order, then `writes`, then what is `kept`; it may use its knobs and
    its `preludes`.
    In C++ that is `extern "C" void NAME(...)` of pointers, macros, and headers that the candidate carries (in order);
    in Triton a Python function of tensors that launches kernels, constants, and helper functions.
    """

    name: str
    source: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    knobs: tuple[Knob, ...] = ()
    preludes: tuple[str, ...] = ()
    kept: Kept | None = None
