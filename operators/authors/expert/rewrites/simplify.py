"""Always on: fold constants, drop identities, merge views, share equal nodes, drop dead ones."""

from __future__ import annotations

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.rewrites.replay import changed, replay


def apply(graph: Graph) -> Graph | None:
    """The rules are `ir.peephole`'s; None when none of them finds anything."""
    return changed(graph, replay(graph))
