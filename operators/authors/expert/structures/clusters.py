"""Clusters of nodes that will become kernels, and the questions that partitioning asks of them.

Index maps and constants cost nothing to repeat, so they belong to no cluster: every kernel that needs one computes
it again on the way from memory.
"""

from __future__ import annotations

from functools import cached_property

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.ir.ops import MAPS

MEMORY = frozenset(["input", "state"])
_CONSTANT = frozenset(["const", "iota"])
_INDEX_MAPS = frozenset(["reshape", "permute", "broadcast", "slice", "flip"])


class Clusters:
    """A partition of a graph's computing nodes, changed by `merge` only. Cluster ids are arbitrary integers.

    `repeated` are nodes that belong to no cluster either, though they compute."""

    def __init__(self, graph: Graph, repeated: frozenset[int] = frozenset()) -> None:
        self.graph, self._repeated = graph, repeated
        self.members = {node.id: frozenset([node.id]) for node in graph.nodes if node.id not in self.free}
        self._of = {node_id: node_id for node_id in self.members}
        self._reads: dict[int, tuple[int, ...]] = {}  # by cluster, while it stays as it is

    @cached_property
    def free(self) -> frozenset[int]:
        """Nodes that are repeated wherever they are needed: memory, constants, what follows from constants, views."""
        constant: set[int] = set()
        for node in self.graph.nodes:
            follows = node.op in MAPS | _INDEX_MAPS and node.inputs and all(i in constant for i in node.inputs)
            if node.op in _CONSTANT or follows:
                constant.add(node.id)
        views = {n.id for n in self.graph.nodes if n.op in MEMORY | _INDEX_MAPS}
        return frozenset(constant | views | self._repeated)

    @cached_property
    def _users(self) -> dict[int, list[int]]:
        return self.graph.users()

    def sources(self, cluster: int) -> dict[int, None]:
        """Clusters that this one reads, through views, in a fixed order."""
        if cluster not in self._reads:
            own = self.members[cluster]
            found = (i for node in sorted(own) for i in self._stored_inputs(node) if i not in own)
            self._reads[cluster] = tuple(dict.fromkeys(found))
        return dict.fromkeys(self._of[i] for i in self._reads[cluster])

    def nodes(self, cluster: int) -> tuple[int, ...]:
        """The cluster's nodes with the free nodes between them and memory, in topological order."""
        return self.closure(self.members[cluster])

    def closure(self, members: frozenset[int]) -> tuple[int, ...]:
        inside, stack = set(members), [i for node in members for i in self.graph[node].inputs]
        while stack:
            node = stack.pop()
            if node in self.free and node not in inside and self.graph[node].op not in MEMORY:
                inside.add(node)
                stack.extend(self.graph[node].inputs)
        return tuple(sorted(inside))

    def outputs(self, members: frozenset[int]) -> tuple[int, ...]:
        """Members that something outside needs in memory."""
        return tuple(sorted(node for node in members if self._needed_outside(node, members)))

    def would_cycle(self, a: int, b: int) -> bool:
        """Whether some path between the two leads through a third cluster."""
        return self._path_around(a, b) or self._path_around(b, a)

    def merge(self, a: int, b: int) -> int:
        """Joins `b` into `a` and returns the id of the result."""
        self.members[a] |= self.members.pop(b)
        for node in self.members[a]:
            self._of[node] = a
        self._reads.pop(a, None), self._reads.pop(b, None)
        return a

    def order(self) -> list[int]:
        """Cluster ids in an order of execution."""
        done: dict[int, None] = {}

        def visit(cluster: int) -> None:
            if cluster not in done:
                for source in self.sources(cluster):
                    visit(source)
                done[cluster] = None

        for cluster in sorted(self.members, key=lambda c: min(self.members[c])):
            visit(cluster)
        return list(done)

    def _stored_inputs(self, node: int) -> list[int]:
        """Computing nodes that `node` reads, looking through free ones."""
        found, stack, seen = [], list(self.graph[node].inputs), set()
        while stack:
            current = stack.pop(0)
            if current in seen:
                continue
            seen.add(current)
            if current in self.free:
                stack.extend(self.graph[current].inputs)
            else:
                found.append(current)
        return found

    def _needed_outside(self, node: int, members: frozenset[int]) -> bool:
        stack, seen = [node], set()
        while stack:
            current = stack.pop()
            if current in self.graph.results:
                return True
            for user in self._users[current]:
                if user in self.free and user not in seen:
                    seen.add(user)
                    stack.append(user)
                elif user not in self.free and user not in members:
                    return True
        return False

    def _path_around(self, start: int, end: int) -> bool:
        """A path from `start` to `end` with at least one other cluster between."""
        stack = [source for source in self.sources(end) if source != start]
        seen: set[int] = set()
        while stack:
            cluster = stack.pop()
            if cluster == start:
                return True
            if cluster not in seen:
                seen.add(cluster)
                stack.extend(self.sources(cluster))
        return False
