"""The epilogue of a contraction as C++: what becomes of `count` sums of one row of its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from operators.authors.expert.cpp.dtypes import converted
from operators.authors.expert.cpp.expr import Emitter, Place
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.kernels.index import Index, variable
from operators.authors.expert.kernels.matmul.contraction import Contraction

Columns = Callable[[Index], Place]  # the contraction's index at a column


@dataclass(frozen=True)
class Epilogue:
    """`statements` compute and store everything from `sums[x]`, at column `j` or at `jh * segment + jl`."""

    statements: tuple[str, ...]
    reads: tuple[int, ...]
    positions: tuple[Index, ...]
    segment: int  # 0: no segments

    @property
    def text(self) -> str:
        """The body of `finish(batch, i, from, count, sums)`."""
        body = "\n".join(f"    {line}" for line in self.statements)
        if not self.segment:
            loop = "#pragma GCC ivdep\n  for (long x = 0; x < count; ++x) {\n    const long j = from + x;"
            return f"{loop}\n{body}\n  }}"
        return (
            f"for (long x0 = 0; x0 < count;) {{\n"
            f"    const long jh = (from + x0) / {self.segment}, first = (from + x0) % {self.segment};\n"
            f"    const long end = std::min<long>(count, x0 + {self.segment} - first);\n"
            f"#pragma GCC ivdep\n"
            f"    for (long x = x0; x < end; ++x) {{\n    const long jl = first + (x - x0);\n{body}\n    }}\n"
            f"    x0 = end;\n  }}"
        )


def epilogue(contraction: Contraction, columns: Columns, width: int, cuts: Iterable[int] = ()) -> Epilogue | None:
    """The epilogue over columns in range(width); segments them where that makes all addresses affine.

    `cuts` are lengths to try besides those that reshapes suggest. None when the nodes after the contraction do not map
    its elements one to one. Raises expr.Unsupported.
    """
    best = _written(contraction, columns(variable("j", width)), 0)
    if best is None or _affine(best.positions, "j"):
        return best
    for segment in _segments(contraction, width, cuts):
        split = variable("jh", width // segment) * segment + variable("jl", segment)
        other = _written(contraction, columns(split), segment)
        if other is not None and _affine(other.positions, "jl"):
            return other
    return best


def positions(contraction: Contraction, place: Place) -> tuple[Index, ...] | None:
    """Every position in memory that the epilogue touches for the contraction's element at `place`."""
    written = _written(contraction, place, 0)
    return written and written.positions


def mergeable(positions: Iterable[Index], axes: Sequence[tuple[str, int]]) -> bool:
    """Whether the loop variables (name, size), outermost first, act in all positions as one: the last, running on."""
    axes = [(name, size) for name, size in axes if size > 1]
    return all(
        outer is not None and inner is not None and outer == inner * size
        for position in positions
        for (a, _), (b, size) in pairwise(axes)
        for outer, inner in [(position.coefficient(a), position.coefficient(b))]
    )


def _written(contraction: Contraction, place: Place, segment: int) -> Epilogue | None:
    places = contraction.places(place)
    if places is None:
        return None
    node = contraction.node
    sums = converted("sums[x]", DType.F32, node.dtype)
    emitter = Emitter(contraction.graph, contraction.nodes, {node.id: lambda _: sums})
    stores = [emitter.store(i, places[i]) for i in contraction.outputs]
    return Epilogue((*emitter.lines, *stores), tuple(emitter.reads), tuple(emitter.positions), segment)


def _affine(positions: Iterable[Index], name: str) -> bool:
    return all(position.coefficient(name) is not None for position in positions)


def _segments(contraction: Contraction, width: int, cuts: Iterable[int]) -> list[int]:
    """Lengths into which reshapes after the contraction may cut its rows, the longest first."""
    lengths = set(cuts)
    for node in (contraction.graph[i] for i in contraction.nodes):
        step = 1
        for size in reversed(node.shape if node.op == "reshape" else ()):
            step *= size
            lengths.add(step)
    return sorted((s for s in lengths if 1 < s < width and width % s == 0), reverse=True)
