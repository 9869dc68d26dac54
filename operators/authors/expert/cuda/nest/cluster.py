"""Rows that the blocks of a cluster share: each holds its part in registers, and reads what the others found in their
shared memory (distributed shared memory, from compute capability 9.0 on)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from operators.authors.expert.cuda.nest.frame import Frame, by_shuffles
from operators.authors.expert.cuda.nest.states import State
from operators.authors.expert.cuda.text import UNROLL, block

_WAIT = ["k_cluster_arrive();", "k_cluster_wait();"]


class Clustered(Frame):
    """CLUSTER blocks have one row; `lane` counts their threads."""

    holding = "hold rows in a cluster"
    alive = ""
    first = "lane == 0"
    threads = "CLUSTER * THREADS"
    # No block may end while others read its shared memory: they say so before they write, and it waits after that.
    known = ("k_cluster_arrive();",)
    end = ("k_cluster_wait();",)

    def head(self) -> list[str]:
        row = [] if self.single else self.variables("blockIdx.x / CLUSTER")
        return ["const int lane = blockIdx.x % CLUSTER * THREADS + threadIdx.x;", *row]

    def blocks(self, value: Callable[[str], str]) -> str:
        return f"{self.nest.rows.numel} * {value('CLUSTER')}"

    def fold(self, states: Iterable[State]) -> list[str]:
        """Within blocks, then among them in the order of their ranks, so that all of them agree."""
        states = list(states)
        fields = [f for s in states for f in s.fields]
        merges = [s.merge("o_{}".format) for s in states]
        others = [f"const {f.kind} o_{f.name} = k_of_block(c_{f.name}, b);" for f in fields]
        body = [
            *(f"__shared__ {f.kind} c_{f.name};" for f in fields),
            *block("if (threadIdx.x == 0)", [f"c_{f.name} = {f.name};" for f in fields]),
            *_WAIT,
            *(f"{f.name} = k_of_block(c_{f.name}, 0);" for f in fields),
            UNROLL,
            *block("for (int b = 1; b < CLUSTER; ++b)", [*others, *merges]),
        ]
        return [*by_shuffles(fields, merges, "THREADS"), "{", *body, "}"]
