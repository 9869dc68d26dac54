"""An attention with what is computed before and after it in the same kernel: its sizes, and where its elements lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from operators.authors.expert.ir.constants import constant_value, is_constant
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.ir.ops import GATHERS, MAPS, VIEWS
from operators.authors.expert.kernels.attention.causal import Causal, causal_mask
from operators.authors.expert.kernels.attention.pattern import Attention, batch_index, find_attention
from operators.authors.expert.kernels.expr import Place, Unsupported
from operators.authors.expert.kernels.index import aligned, variable
from operators.authors.expert.kernels.matmul.contraction import Contraction, Known
from operators.authors.expert.kernels.views import PURE_VIEWS
from operators.authors.expert.triton.expr import Emitter, Scope

# Positions from here on need 64 bits; what is masked off may lie a block further.
_WIDE = 2**31 - 2**20
_WIDEST = 256  # of a key or value: a block of them is taken whole
_FEW = 64  # queries: more of them are several blocks, and each would repeat work on keys and values
_FLOATS = (DType.F32, DType.F16, DType.BF16)
_AROUND = MAPS | VIEWS | GATHERS | {"const", "iota"}


@dataclass(frozen=True, eq=False)
class Task:
    """`batch` times `queries` rows over `keys` keys of `depth` elements and as many values of `width`.

    `epilogue` is the last product with what follows it. `heads` is the index of the first product's batch axes.
    `scaled` is a node that multiplies its input by `factor` and whose result is used for nothing but the softmax, and
    that input.
    """

    graph: Graph
    found: Attention
    epilogue: Contraction
    causal: Causal | None
    heads: Place
    factor: float
    scaled: tuple[int, int] | None
    reads: tuple[int, ...] = ()

    @property
    def nodes(self) -> tuple[int, ...]:
        return self.epilogue.nodes

    @property
    def batch(self) -> int:
        return prod(self.found.batch)

    @property
    def queries(self) -> int:
        return self.found.out.shape[-2]

    @property
    def keys(self) -> int:
        return self.found.scores.shape[-1]

    @property
    def depth(self) -> int:
        return self.query.shape[-1]

    @property
    def width(self) -> int:
        return self.found.out.shape[-1]

    @property
    def query(self) -> Node:
        return self.graph[self.found.logits.inputs[0]]

    @property
    def key(self) -> Node:
        return self.graph[self.found.logits.inputs[1]]

    @property
    def value(self) -> Node:
        return self.graph[self.found.out.inputs[1]]

    @property
    def single(self) -> bool:
        """Whether factors are float32."""
        return self.value.dtype is DType.F32

    @property
    def row(self) -> Place:
        """The index of a row of the result."""
        return (*batch_index(self.found.batch), variable("q", self.queries))

    @property
    def wide(self) -> bool:
        """Whether positions in some tensor exceed 32 bits: of those in memory, for scores never are."""
        stored = {i for n in self.nodes for i in self.graph[n].inputs} - set(self.nodes)
        return max(self.graph[n].type.numel for n in (*stored, *self.epilogue.outputs)) >= _WIDE

    @property
    def flops(self) -> int:
        seen = self.keys
        if self.causal:
            seen = max(1, min(seen, self.causal.offset + 1 + self.queries // 2))
        return 2 * self.batch * self.queries * seen * (self.depth + self.width)


def task(graph: Graph, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Task | None:
    """The attention that these nodes compute, or None when they are not just one and elementwise work."""
    return _task(Known(graph), tuple(nodes), tuple(outputs))


@lru_cache(maxsize=512)
def _task(known: Known, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Task | None:
    graph = known.graph
    found = next((f for n in reversed(nodes) if (f := find_attention(graph, graph[n])) and f.inner <= {*nodes}), None)
    if found is None or any(graph[n].op not in _AROUND for n in nodes if n not in found.inner):
        return None
    epilogue = _epilogue(graph, found, nodes, outputs)
    query, key = (graph[i] for i in found.logits.inputs)
    value = graph[found.out.inputs[1]]
    if epilogue is None or {n.dtype for n in (query, key, value)} - {value.dtype} or value.dtype not in _FLOATS:
        return None
    if max(query.shape[-1], value.shape[-1]) > _WIDEST:
        return None
    if found.out.shape[-2] > _FEW and any(_works(graph, each, nodes) for each in (key, value)):
        return None
    try:
        return _read(graph, found, epilogue)
    except Unsupported:
        return None


def _epilogue(graph: Graph, found: Attention, nodes: tuple[int, ...], outputs: tuple[int, ...]) -> Contraction | None:
    """The last product and what follows it; None if that is not elementwise, or something else is needed."""
    depends = {found.out.id}
    for n in sorted(nodes):
        if depends & set(graph[n].inputs):
            depends.add(n)
    if not set(outputs) <= depends:
        return None
    after = tuple(sorted(depends - {found.out.id}))
    return Contraction(graph, tuple(nodes), tuple(outputs), found.out, after)


def _works(graph: Graph, node: Node, nodes: tuple[int, ...]) -> bool:
    """Whether the node is computed in this kernel, and not just read through views."""
    while node.id in nodes and node.op in PURE_VIEWS:
        node = graph[node.inputs[0]]
    return node.id in nodes


def _read(graph: Graph, found: Attention, epilogue: Contraction) -> Task:
    """Raises Unsupported."""
    factor, scaled = _factor(graph, found)
    places: list[Place] = []

    def product(place: Place) -> str:
        places.append(place)
        return "product"

    emitter = Emitter(graph, epilogue.nodes, {found.logits.id: product}, scopes=[Scope(frozenset())])
    emitter.value(found.scores.id, found.place)
    q, j = variable("q", found.out.shape[-2]), variable("j", found.scores.shape[-1])
    if not places or any(place[-2:] != (q, j) or place != places[0] for place in places):
        raise Unsupported("scores read their product out of order")
    made = Task(graph, found, epilogue, causal_mask(graph, found), places[0][:-2], factor, scaled)
    emitter.bound = {found.out.id: lambda index: "sums"}
    results = epilogue.places((*made.row, variable("x", made.width)))
    if results is None:
        raise Unsupported("what follows does not map one to one")
    for place in factors(made).values():
        emitter.value(*place)
    for output in epilogue.outputs:
        emitter.store(output, results[output])
    return Task(**{**vars(made), "reads": tuple(sorted(emitter.reads))})


def factors(task: Task) -> dict[str, tuple[int, Place]]:
    """Node and index of an element of each factor. Variables: q, e of a query, f, j of a key, r, x of a value."""
    query, key, value = task.query, task.key, task.value
    e, f = variable("e", task.depth), variable("f", task.depth)
    j, r, x = variable("j", task.keys), variable("r", task.keys), variable("x", task.width)
    return {
        "query": (query.id, (*aligned(task.heads, query.shape[:-2]), task.row[-1], e)),
        "key": (key.id, (*aligned(task.heads, key.shape[:-2]), f, j)),
        "value": (value.id, (*aligned(batch_index(task.found.batch), value.shape[:-2]), r, x)),
    }


def _factor(graph: Graph, found: Attention) -> tuple[float, tuple[int, int] | None]:
    """A positive number that scores are multiplied by with nothing but masks around, the node that does it, and what it
    multiplies: the exponential multiplies anyway."""
    node = found.scores
    while node.op == "where":
        rest = [i for i in node.inputs[1:] if not is_constant(graph, i, float("-inf"))]
        if len(rest) != 1 or node.inputs[0] in found.inner:
            break  # a condition on scores would see them without the factor
        node = graph[rest[0]]
    if node.op in ("mul", "div") and node.dtype is DType.F32 and node.id in found.inner:
        number = constant_value(graph, node.inputs[1])
        if number is not None and number.numel() == 1 and 0 < float(number) < float("inf"):
            factor = float(number) if node.op == "mul" else 1 / float(number)
            return factor, (node.id, node.inputs[0])
    return 1.0, None


def plain(task: Task, node: Node) -> bool:
    """Whether the node is in memory as it is multiplied."""
    return not _works(task.graph, node, task.nodes) and node.op not in ("const", "iota")
