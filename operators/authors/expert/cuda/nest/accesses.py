"""What a nest reads and writes in memory, from its dry run: how its threads best share it."""

from __future__ import annotations

from dataclasses import dataclass, field

from operators.authors.expert.cuda.lanes import widest
from operators.authors.expert.ir.graph import Node
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, linear
from operators.authors.expert.kernels.nest.analysis import Nest
from operators.authors.expert.kernels.nest.trace import Trace, bound_rows, positions

Access = tuple[int, int, Index]  # elements of the tensor, bytes of an element, position


def accesses(nest: Nest) -> list[Access]:
    """Loads and stores of elements and rows. Raises Unsupported as the walk does."""
    walk, graph = _Loads(nest.graph, nest.nodes, bound_rows(nest, "v{}".format)), nest.graph
    found: list[Access] = []
    for r in nest.reductions:
        walk.value(graph[r].inputs[0], nest.source_place(r)[0])
    for o in (o for o in nest.outputs if o not in nest.final):
        walk.value(o, nest.output_place(o))
        found.append((graph[o].type.numel, graph[o].dtype.bytes, linear(nest.output_place(o), graph[o].shape)))
    loads = zip(walk.loads, walk.sizes, strict=True)
    return [(numel, size, position) for (numel, position), size in loads] + found


@dataclass
class _Loads(Trace):
    """Also keeps the size of the elements of every load."""

    sizes: list[int] = field(default_factory=list)

    def loaded(self, node: Node, index: Place, position: Index) -> str:
        self.sizes.append(node.dtype.bytes)
        return super().loaded(node, index, position)


def row_width(nest: Nest) -> int:
    """How many neighbours within a row threads may take together."""
    found = accesses(nest)
    last = {(space.names[-1], space.sizes[-1]) for space in nest.spaces}
    inside = [[a for a in found if name in a[2].uses] for name, _ in last]
    return min(widest(each, *one) for each, one in zip(inside, last, strict=True))


def tiled(nest: Nest) -> tuple[str, str]:
    """The variables of a tile: the one that something is read along contiguously, and the one that results are."""
    *outer, lane = nest.rows.names
    for position in positions(nest):
        for name in outer:
            if turned(position, name, lane):
                return name, lane
    raise ValueError("nothing is transposed")


def turned(position: Index, y: str, x: str) -> bool:
    """Whether memory runs along `y` rather than along `x`."""
    return position.coefficient(y) == 1 and position.coefficient(x) not in (0, 1, None)


def turned_bytes(nest: Nest) -> int:
    """Bytes of one element of all that is read along the other axis."""
    y, x = tiled(nest)
    return sum(size for _, size, position in accesses(nest) if turned(position, y, x))
