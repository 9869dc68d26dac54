"""Which values are worth keeping in a row buffer: costly ones that a later pass needs again."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.kernels.nest.access import COSTLY
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.domain import Place
from operators.authors.expert.kernels.nest.trace import computed

# All buffers of a row (or of a block of rows side by side) together.
LIMIT_BYTES = 256 << 10


@dataclass(frozen=True)
class Kept:
    node: int
    place: Place
    space: int  # number of the space that the value varies over


def worth_keeping(nest: Nest) -> tuple[Kept, ...]:
    """The last costly value of each chain that two passes over the same space compute at the same place."""
    passes = computed(nest)
    found: dict[int, Kept] = {}
    for i, (space, values) in enumerate(passes):
        again = set().union(*(later for other, later in passes[i + 1 :] if other == space), set())
        for node, place in values & again:
            if nest.graph[node].op in COSTLY and any(x.uses & set(nest.spaces[space].names) for x in place):
                found.setdefault(node, Kept(node, place, space))
    needed = {node: _ancestors(nest, node) for node in found}
    kept = [k for n, k in sorted(found.items()) if not any(n in needed[other] for other in found if other != n)]
    bytes_kept = sum(nest.spaces[k.space].numel * nest.graph[k.node].dtype.bytes for k in kept)
    return tuple(kept) if bytes_kept <= LIMIT_BYTES else ()


def _ancestors(nest: Nest, node: int) -> set[int]:
    seen: set[int] = set()
    stack = list(nest.graph[node].inputs)
    while stack:
        current = stack.pop()
        if current in nest.nodes and current not in seen:
            seen.add(current)
            stack.extend(nest.graph[current].inputs)
    return seen
