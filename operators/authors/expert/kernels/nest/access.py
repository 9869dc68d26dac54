"""How a nest walks through memory: what its schedule depends on."""

from __future__ import annotations

from operators.authors.expert.kernels.index import linear
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.trace import positions

COSTLY = frozenset(
    "exp exp2 expm1 log log2 log1p sin cos tan tanh sigmoid softplus mish_gate erf erf_plus_one erfc asin acos atan "
    "sinh cosh asinh acosh atanh pow atan2".split()
)


def lies_inside(nest: Nest) -> bool:
    """Whether memory is contiguous along the inside of rows, rather than across them."""
    anchor = next((r for r in nest.reductions if nest.space_of[r] == 0), None)
    if anchor is None or nest.graph[anchor].op == "window":
        return False
    space, source = nest.spaces[0], nest.graph[nest.graph[anchor].inputs[0]]
    position = linear(nest.source_place(anchor)[0], source.shape)
    inner, across = position.coefficient(space.names[-1]), position.coefficient(nest.rows.names[-1])
    return nest.rows.numel == 1 or across != 1 or inner == 1


def transposes(nest: Nest) -> bool:
    """Whether something is read in steps along the lanes, but contiguously along another variable of the rows."""
    *outer, lane = nest.rows.names
    return not nest.reductions and any(
        p.coefficient(lane) not in (0, 1, None) and any(p.coefficient(n) == 1 for n in outer) for p in positions(nest)
    )


def work(nest: Nest) -> int:
    """Elements visited, by all passes together."""
    visits = [*(nest.space(r) for level in nest.levels for r in level), *map(nest.output_space, nest.outputs)]
    return nest.rows.numel * sum(s.numel if s else 1 for s in visits)
