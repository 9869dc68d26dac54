"""Partition a graph into kernels: grow clusters greedily along the data flow, as far as a generator can follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from operators.authors.expert.generator import Generator
from operators.authors.expert.ir.graph import Graph, Node
from operators.authors.expert.ir.ops import CONTRACTS, LIBRARY, MAPS, REDUCES
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.structures.clusters import MEMORY, Clusters

LIBRARY_KIND = "library"
# The most specific kind first: the first one that supports a set of nodes gets it.
_PREFERENCE = ("attention", "conv", "matmul", "scan", "nest")
_SMALL = 8  # times fewer elements


@dataclass(frozen=True)
class Fusion:
    """What may be fused with what.

    `reductions`: consumers of a reduction join it. `contractions`: elementwise work joins a product or convolution.
    `siblings`: kernels that read the same data join. `library`: kinds of kernel that are left to torch.
    `statistics`: a kernel with reductions ends with them, small as they are; what is computed of all elements with them
    joins what reads it.
    """

    name: str
    reductions: bool = True
    contractions: bool = True
    siblings: bool = True
    statistics: bool = False
    library: frozenset[str] = frozenset()


class Partitioner:
    """Splits one graph under one fusion rule. `kernels()` is deterministic."""

    def __init__(self, graph: Graph, generators: Mapping[str, Generator], fusion: Fusion) -> None:
        self.graph = graph
        self.fusion = fusion
        self.clusters = Clusters(graph, _centred(graph) if fusion.statistics else frozenset())
        self._generators = {k: generators[k] for k in _PREFERENCE if k in generators and k not in fusion.library}
        self._kinds: dict[frozenset[int], str | None] = {}
        self._read: dict[frozenset[int], frozenset[int]] = {}

    def kernels(self) -> tuple[KernelPlan, ...]:
        """The kernels in launch order; what no generator supports is of kind `library`."""
        self._join_known_patterns()
        self._grow()
        if self.fusion.siblings:
            self._join_siblings()
        kernels = [self._kernel(cluster) for cluster in self.clusters.order()]
        return tuple(kernels + self._free_results())

    def kind(self, members: frozenset[int]) -> str | None:
        """The kind of kernel that can compute these nodes, or None."""
        if members not in self._kinds:
            nodes, outputs = self.clusters.closure(members), self.clusters.outputs(members)
            kinds = (k for k, g in self._generators.items() if g.supports(self.graph, nodes, outputs))
            self._kinds[members] = None if self._empty(nodes) else next(kinds, None)
        return self._kinds[members]

    def _empty(self, nodes: tuple[int, ...]) -> bool:
        """Whether a tensor without elements takes part: nothing to gain there, so generators need not think of it."""
        return any(self.graph[i].type.numel == 0 for n in nodes for i in (n, *self.graph[n].inputs))

    def _join_known_patterns(self) -> None:
        """Kernels that pairwise growth cannot reach, because no part of them is a kernel of the same kind."""
        for generator in self._generators.values():
            for nodes in getattr(generator, "matches", lambda graph: [])(self.graph):
                members = frozenset(nodes) - self.clusters.free
                if all(self.clusters.members.get(n) == frozenset([n]) for n in members) and self.kind(members):
                    first, *rest = sorted(members)
                    for node in rest:
                        self.clusters.merge(first, node)

    def _grow(self) -> None:
        changed = True
        while changed:
            changed = False
            for cluster in self.clusters.order():
                if cluster in self.clusters.members:
                    changed |= any([self._try(source, cluster) for source in self.clusters.sources(cluster)])

    def _join_siblings(self) -> None:
        order = self.clusters.order()
        for position, a in enumerate(order):
            for b in order[position + 1 :]:
                if a in self.clusters.members and b in self.clusters.members and self._reads(a) & self._reads(b):
                    self._try(a, b)

    def _reads(self, cluster: int) -> frozenset[int]:
        """Large tensors in memory that a cluster reads."""
        members = self.clusters.members[cluster]
        if members not in self._read:
            nodes = self.clusters.closure(members)
            reads = {i for n in nodes for i in self.graph[n].inputs} - set(nodes)
            largest = max((self.graph[n].type.bytes for n in (*reads, *nodes)), default=0)
            self._read[members] = frozenset(i for i in reads if 2 * self.graph[i].type.bytes >= largest)
        return self._read[members]

    def _try(self, source: int, cluster: int) -> bool:
        """Joins two clusters if the rule, the data flow and a generator allow it."""
        members = self.clusters.members
        if source not in members or cluster not in members or not self._allowed(source, cluster):
            return False
        if self.kind(members[source] | members[cluster]) is None or self.clusters.would_cycle(source, cluster):
            return False
        self.clusters.merge(cluster, source)
        return True

    def _allowed(self, source: int, cluster: int) -> bool:
        ops = [{self.graph[n].op for n in self.clusters.members[c]} for c in (source, cluster)]
        if any(each & LIBRARY for each in ops):
            return False
        if not self.fusion.contractions and any(each & CONTRACTS for each in ops):
            return False
        if self.fusion.statistics and ops[0] & REDUCES and not self._all_small(source, cluster):
            return False
        return self.fusion.reductions or not ops[0] & (REDUCES | {"scan", "window"}) or ops[1] <= REDUCES - MAPS

    def _all_small(self, *clusters: int) -> bool:
        """Whether together they give far fewer elements than they work on."""
        members = frozenset().union(*(self.clusters.members[c] for c in clusters))
        most = max(self.graph[n].type.numel for n in self.clusters.closure(members))
        return all(_SMALL * self.graph[n].type.numel <= most for n in self.clusters.outputs(members))

    def _kernel(self, cluster: int) -> KernelPlan:
        members = self.clusters.members[cluster]
        kind = None if any(self.graph[n].op in LIBRARY for n in members) else self.kind(members)
        nodes, outputs = self.clusters.nodes(cluster), self.clusters.outputs(members)
        return KernelPlan(kind or LIBRARY_KIND, nodes, outputs)

    def _free_results(self) -> list[KernelPlan]:
        """Results that are views of memory or constants: torch makes them, at no cost."""
        free = [r for r in self.graph.results if r in self.clusters.free and self.graph[r].op not in MEMORY]
        return [KernelPlan(LIBRARY_KIND, self.clusters.closure(frozenset([r])), (r,)) for r in free]


def _centred(graph: Graph) -> frozenset[int]:
    """What is computed with statistics for more statistics and for what comes after them, such as `x - mean`: it costs
    less to repeat than to store."""
    users, small = graph.users(), set()  # reductions, and what follows from them alone
    for node in graph.nodes:
        inputs = [i for i in node.inputs if graph[i].op not in ("const", "state")]
        shrinks = node.op in REDUCES and _SMALL * node.type.numel <= graph[node.inputs[0]].type.numel
        if shrinks or (inputs and all(i in small for i in inputs)):
            small.add(node.id)

    def repeats(node: Node) -> bool:
        several = len(set(users[node.id])) > 1 and node.id not in graph.results
        return node.op in MAPS and several and len(node.inputs) == 2 and len(small & set(node.inputs)) == 1

    return frozenset(node.id for node in graph.nodes if repeats(node))
