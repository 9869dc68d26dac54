"""Which rows and which elements of a row one thread has, and how the threads of a row join what they found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from operators.authors.expert.cuda.lanes import Lanes
from operators.authors.expert.cuda.nest.states import Field, State
from operators.authors.expert.cuda.text import UNROLL, block, split
from operators.authors.expert.kernels.nest.analysis import Nest

# Positions from here on need 64 bits; a thread may look a block further.
_WIDE = 2**31 - 2**20


def index_kind(nest: Nest) -> str:
    """The type of positions: 64 bits only where some tensor needs them."""
    near = {*nest.nodes, *(i for n in nest.nodes for i in nest.graph[n].inputs)}
    return "long" if max(nest.graph[n].type.numel for n in near) >= _WIDE else "int"


@dataclass(frozen=True)
class Frame:
    """A block of THREADS threads has ROWS rows, each of them LANES threads. `inside`: memory is contiguous along rows,
    so neighbouring threads share a row; else they have neighbouring rows. `width` bounds VEC."""

    nest: Nest
    kind: str
    inside: bool
    width: int

    holding = "hold rows"  # the mark of the pass that does
    threads = "LANES"  # of a row
    known: ClassVar[tuple[str, ...]] = ()  # what is said when all reductions are known
    end: ClassVar[tuple[str, ...]] = ()  # and when all is written

    @property
    def single(self) -> bool:
        return self.nest.rows.numel == 1

    def head(self) -> list[str]:
        """Defines `lane`, `row`, whether the row is `live` (past the end the last row is computed again, for barriers
        want every thread), and the row's variables."""
        rows, kind = self.nest.rows, self.kind
        if self.single:
            return ["const int lane = threadIdx.x;"]
        lane, row = ("%", "/") if self.inside else ("/", "%")
        by = "LANES" if self.inside else "ROWS"
        lines = [
            "constexpr int ROWS = THREADS / LANES;",
            f"const int lane = threadIdx.x {lane} {by};",
            f"const {kind} row = ({kind})blockIdx.x * ROWS + threadIdx.x {row} {by};",
            f"const bool live = {rows.numel} % ROWS == 0 || row < {rows.numel};",
        ]
        return [*lines, *self.variables(f"live ? row : {rows.numel - 1}")]

    def variables(self, row: str) -> list[str]:
        """Defines the row's variables from its number."""
        names = self.nest.rows.names
        if len(names) == 1:
            return [f"const {self.kind} {names[0]} = {row};"]
        return [f"const {self.kind} at = {row};", *split("at", names, self.nest.rows.sizes, self.kind)]

    @property
    def alive(self) -> str:
        """The condition under which a thread stores elements of its row, "" for always."""
        return "" if self.single else "live"

    @property
    def first(self) -> str:
        """The condition of the one thread that stores for a row."""
        return "lane == 0" if self.single else "live && lane == 0"

    def blocks(self, value: Callable[[str], str]) -> str:
        """Python text of how many blocks all rows take; `value` is that of a macro."""
        if self.single:
            return "1"
        lanes = value("LANES")
        return f"_egg_blocks({self.nest.rows.numel}, {value('THREADS')} // {lanes})"

    def lanes(self, number: int) -> Lanes:
        space = self.nest.spaces[number]
        return Lanes(space.names[-1], space.sizes[-1], self.width)

    def columns(self, number: int, flat: str) -> list[str]:
        """Defines the variables of a space from the position of the first of VEC elements."""
        space = self.nest.spaces[number]
        last = "start" if self.width > 1 else space.names[-1]
        return split(flat, (*space.names[:-1], last), space.sizes, self.kind)

    def neighbours(self, number: int, body: Iterable[str]) -> list[str]:
        """`body` for each of VEC elements."""
        if self.width == 1:
            return list(body)
        return each_neighbour(self.kind, self.nest.spaces[number].names[-1], list(body))

    def step(self) -> str:
        """Elements of a row that its threads take at a time."""
        return f"{self.threads} * VEC" if self.width > 1 else self.threads

    def scaled_lane(self) -> str:
        return "lane * VEC" if self.width > 1 else "lane"

    def fold(self, states: Iterable[State]) -> list[str]:
        """Joins the accumulators of a row's threads; every one of them gets the result."""
        states = list(states)
        fields = [f for s in states for f in s.fields]
        merges = [s.merge("o_{}".format) for s in states]
        if self.inside:
            return by_shuffles(fields, merges)
        return _by_halves(fields, merges)


def each_neighbour(kind: str, name: str, body: list[str]) -> list[str]:
    """`body` for the variable `name` from `start` on."""
    used = any(re.search(rf"\b{name}\b", line) for line in body)
    body = [f"const {kind} {name} = start + e;", *body] if used else body
    return [UNROLL, *block("for (int e = 0; e < VEC; ++e)", body)]


def by_shuffles(fields: list[Field], merges: list[str], lanes: str = "LANES") -> list[str]:
    """Within warps, then among the warps of a row. Both orders of a merge give the same, so all threads agree."""
    others = [f"const {f.kind} o_{f.name} = __shfl_xor_sync(0xffffffffu, {f.name}, w);" for f in fields]
    shared = [f"__shared__ {f.kind} s_{f.name}[THREADS / 32];" for f in fields]
    leave = [f"s_{f.name}[threadIdx.x / 32] = {f.name};" for f in fields]
    take = [f"{f.name} = s_{f.name}[threadIdx.x / {lanes} * WARPS + threadIdx.x % WARPS];" for f in fields]
    warps = [
        f"constexpr int WARPS = {lanes} < 32 ? 1 : {lanes} / 32;",
        *shared,
        *block("if (threadIdx.x % 32 == 0)", leave),
        "__syncthreads();",
        *take,
        UNROLL,
        "for (int w = WARPS / 2; w > 0; w /= 2) join(w);",
    ]
    body = ["const auto join = [&](int w) {", *others, *merges, "};", UNROLL]
    body.append(f"for (int w = ({lanes} < 32 ? {lanes} : 32) / 2; w > 0; w /= 2) join(w);")
    return ["{", *body, *block(f"if ({lanes} > 32)", warps), "}"]


def _by_halves(fields: list[Field], merges: list[str]) -> list[str]:
    """Through shared memory: the threads of a row are ROWS apart."""
    others = [f"const {f.kind} o_{f.name} = s_{f.name}[threadIdx.x + w * ROWS];" for f in fields]
    leave = [f"s_{f.name}[threadIdx.x] = {f.name};" for f in fields]
    halves = [*block("if (lane < w)", [*others, *merges, *leave]), "__syncthreads();"]
    body = [
        *(f"__shared__ {f.kind} s_{f.name}[THREADS];" for f in fields),
        *leave,
        "__syncthreads();",
        *block("for (int w = LANES / 2; w > 0; w /= 2)", halves),
        *(f"{f.name} = s_{f.name}[threadIdx.x % ROWS];" for f in fields),
    ]
    return block("if (LANES > 1)", body)
