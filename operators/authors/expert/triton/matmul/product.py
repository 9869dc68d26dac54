"""A matrix product with its prologues and its epilogue: its sizes, and where every factor's elements lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.expr import Place, Unsupported
from operators.authors.expert.kernels.index import Index, aligned, linear, unravel, variable
from operators.authors.expert.kernels.matmul.contraction import Contraction, Known, find
from operators.authors.expert.kernels.matmul.triangle import Triangle, triangle
from operators.authors.expert.kernels.views import PURE_VIEWS
from operators.authors.expert.triton.expr import Emitter, Scope

# Positions from here on need 64 bits; what is masked off may lie a tile further.
_WIDE = 2**31 - 2**20


@dataclass(frozen=True)
class Factor:
    """`batches` matrices of `width` by `depth`. `name` is the loop variable along the width, i of a left factor.

    `rows` is the shape that the width runs over when batches have become rows, else ().
    """

    node: Node
    name: str
    width: int
    depth: int
    batches: int
    rows: tuple[int, ...] = ()

    def own(self, outer: Place) -> Index:
        """The number of the matrix that the product's batch index `outer` multiplies."""
        shape = self.node.shape[:-2]
        return Index() if self.rows else linear(aligned(outer, shape), shape)

    def place(self, batch: Index, wide: Index, deep: Index) -> Place:
        """The index into the node of an element of matrix `batch`."""
        outer = unravel(batch, self.node.shape[:-2])
        if self.rows:
            *row, wide = unravel(wide, self.rows)
            outer = aligned(row, self.node.shape[:-2])
        return (*outer, wide, deep) if self.name == "i" else (*outer, deep, wide)


@dataclass(frozen=True)
class Side:
    """What is known of a factor in memory. `deep`: contiguous along the depth. `plain`: there as it is multiplied.
    `fixed`: made of parameters and buffers alone. `lies`: along which side the rows of a plain factor's matrices run
    that follow each other densely, "deep" or "wide"; "" where they do not."""

    factor: Factor
    reads: tuple[int, ...]
    deep: bool
    plain: bool
    fixed: bool
    lies: str


@dataclass(frozen=True, eq=False)
class Product:
    """`batch` products of [m, k] by [k, n]; batches of a shared right factor have become rows (`m`)."""

    contraction: Contraction
    batch: int
    m: int
    n: int
    k: int
    a: Side
    b: Side
    reads: tuple[int, ...]

    @property
    def graph(self) -> Graph:
        return self.contraction.graph

    @property
    def nodes(self) -> tuple[int, ...]:
        return self.contraction.nodes

    @property
    def dtype(self) -> DType:
        """The type that is multiplied; sums are float32."""
        return self.a.factor.node.dtype

    @property
    def flops(self) -> int:
        return 2 * self.batch * self.m * self.n * self.k

    @property
    def wide(self) -> bool:
        """Whether positions in some tensor exceed 32 bits."""
        near = {*self.nodes, *(i for n in self.nodes for i in self.graph[n].inputs)}
        return max(self.graph[n].type.numel for n in near) >= _WIDE

    def rows(self, batch: Index, i: Index) -> Place:
        """The index of the contraction without its last axis."""
        shape = self.contraction.node.shape[:-1]
        return unravel(i, shape) if self.a.factor.rows else (*unravel(batch, shape[:-1]), i)

    @property
    def triangles(self) -> tuple[Triangle | None, Triangle | None]:
        """Of both factors, as far as blocks of rows lie in one matrix."""
        left = triangle(self.graph, self.a.factor.node.id) if len(self.a.factor.rows) < 2 else None
        return left, triangle(self.graph, self.b.factor.node.id)


def product(graph: Graph, nodes: Sequence[int], outputs: Sequence[int]) -> Product | None:
    """The product that these nodes compute, or None when they are not just one product and elementwise work."""
    return _product(Known(graph), tuple(nodes), tuple(outputs))


@lru_cache(maxsize=512)
def _product(known: Known, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Product | None:
    found = find(known.graph, nodes, outputs, "dot")
    if found is None:
        return None
    left, right = (known.graph[i] for i in found.node.inputs)
    *batch, m, n = found.node.shape
    if left.dtype is not right.dtype:
        return None
    shared = prod(right.shape[:-2]) == 1
    rows = (*batch, m) if shared else ()
    batches = 1 if shared else prod(batch)
    m = m * prod(batch) if shared else m
    factors = (
        Factor(left, "i", m, left.shape[-1], 1 if shared else prod(left.shape[:-2]), rows),
        Factor(right, "j", n, left.shape[-1], prod(right.shape[:-2])),
    )
    try:
        a, b = (side(found, factor) for factor in factors)
        reads = _epilogue_reads(found, a, batches, m, n)
    except Unsupported:
        return None
    if reads is None:
        return None
    every = tuple(sorted({*a.reads, *b.reads, *reads}))
    return Product(found, batches, m, n, left.shape[-1], a, b, every)


def side(found: Contraction, factor: Factor) -> Side:
    """Raises Unsupported."""
    emitter, depth = _dry(found), factor.depth
    place = factor.place(variable("batch", factor.batches), variable(factor.name, factor.width), variable("p", depth))
    emitter.value(factor.node.id, place)
    strides = [(p.coefficient(factor.name), p.coefficient("p")) for p in emitter.positions]
    strides = [each for each in strides if 0 not in each] or strides
    # What varies along both axes decides.
    deep = all(wide != 1 for wide, _ in strides) or any(deep == 1 for _, deep in strides)
    reads = tuple(emitter.reads)
    fixed = bool(reads) and all(found.graph[i].op == "state" for i in reads)
    plain = _plain(found, factor.node)
    return Side(factor, reads, deep, plain, fixed, _lies(factor, emitter.positions[0]) if plain else "")


def _lies(factor: Factor, position: Index) -> str:
    sizes = {"batch": factor.batches, factor.name: factor.width, "p": factor.depth}
    batch, wide, deep = (variable(name, size) for name, size in sizes.items())
    if position == linear((batch, wide, deep), (factor.batches, factor.width, factor.depth)):
        return "deep"
    return "wide" if position == linear((batch, deep, wide), (factor.batches, factor.depth, factor.width)) else ""


def _epilogue_reads(found: Contraction, a: Side, batches: int, m: int, n: int) -> tuple[int, ...] | None:
    """What the epilogue reads; None unless its nodes map the product's elements one to one. Raises Unsupported."""
    shape, i = found.node.shape[:-1], variable("i", m)
    rows = unravel(i, shape) if a.factor.rows else (*unravel(variable("batch", batches), shape[:-1]), i)
    places = found.places((*rows, variable("j", n)))
    if places is None:
        return None
    emitter = _dry(found, {found.node.id: lambda index: "acc"})
    for output in found.outputs:
        emitter.store(output, places[output])
    return tuple(emitter.reads)


def _dry(found: Contraction, bound: dict | None = None) -> Emitter:
    return Emitter(found.graph, found.nodes, bound or {}, scopes=[Scope(frozenset())])


def _plain(found: Contraction, node: Node) -> bool:
    while node.id in found.nodes and node.op in PURE_VIEWS:
        node = found.graph[node.inputs[0]]
    return node.id not in found.nodes and node.op not in ("const", "iota")
