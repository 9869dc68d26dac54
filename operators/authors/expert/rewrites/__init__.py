"""Rewrites: other graphs with the same values, whatever the inputs. A new one is one file and one line here.

Each has `apply(graph) -> Graph | None`, None where it does not apply. Sums may be reassociated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from operators.authors.expert.ir.graph import Graph
from operators.authors.expert.rewrites import (
    cropped_convolution,
    diagonal_product,
    gather_early,
    log_of_softmax,
    pointwise_convolution,
    product_order,
    simplify,
    sum_of_product,
    thin_product,
)

# In the order in which they are applied.
OPTIONAL: dict[str, Callable[[Graph], Graph | None]] = {
    "diagonal_product": diagonal_product.apply,
    "sum_of_product": sum_of_product.apply,
    "product_order": product_order.apply,
    "gather_early": gather_early.apply,
    "cropped_convolution": cropped_convolution.apply,
    "pointwise_convolution": pointwise_convolution.apply,
    "thin_product": thin_product.apply,
    "log_of_softmax": log_of_softmax.apply,
}


def options(graph: Graph) -> tuple[str, ...]:
    """Names of the optional rewrites that change this graph, each seen after the ones before it."""
    graph, found = _simplified(graph), []
    for name, apply in OPTIONAL.items():
        after = apply(graph)
        if after is not None:
            graph = _simplified(after)
            found.append(name)
    return tuple(found)


def rewrite(graph: Graph, names: Iterable[str]) -> Graph:
    """The simplified graph after the named rewrites, in this module's order. Raises KeyError for an unknown name."""
    wanted = set(names)
    if unknown := wanted - OPTIONAL.keys():
        raise KeyError(f"no rewrite named {', '.join(sorted(unknown))}")
    graph = _simplified(graph)
    for name, apply in OPTIONAL.items():
        after = apply(graph) if name in wanted else None
        graph = graph if after is None else _simplified(after)
    return graph


def _simplified(graph: Graph) -> Graph:
    return simplify.apply(graph) or graph
