"""Where keys and values lie that many blocks of queries read: matrices that are cut into pieces once, before."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index, linear, unravel, variable
from operators.authors.expert.kernels.views import PURE_VIEWS, input_index
from operators.authors.expert.triton.attention.task import Task, factors
from operators.authors.expert.triton.matmul.product import Factor

# A factor's variables along the width and along the depth of the product that takes it.
_ALONG = {"key": ("j", "f"), "value": ("x", "r")}


@dataclass(frozen=True)
class Matrices(Factor):
    """`axes` of the node run along width and depth, all others count matrices. `matrix` is the number of the one that a
    batch entry (b0, b1, ...) multiplies."""

    axes: tuple[int, int] = (-1, -2)
    matrix: Index = field(default_factory=Index)

    def place(self, batch: Index, wide: Index, deep: Index) -> Place:
        others = iter(unravel(batch, _others(self.node.shape, self.axes)))
        own = dict(zip(self.axes, (wide, deep), strict=True))
        return tuple(own[axis] if axis in own else next(others) for axis in range(len(self.node.shape)))


def matrices(task: Task, name: str) -> Matrices:
    """Of the factor "key" or "value", as few as views say: heads that share them have the same."""
    node_id, place = factors(task)[name]
    width, depth = (task.keys, task.depth) if name == "key" else (task.width, task.keys)
    node, found = task.graph[node_id], []
    while True:
        axes = _axes(place, [variable(v, size) for v, size in zip(_ALONG[name], (width, depth), strict=True)])
        if axes:
            sizes, rest = _others(node.shape, axes), _others(place, axes)
            found.append(Matrices(node, _ALONG[name][0], width, depth, prod(sizes), (), axes, linear(rest, sizes)))
        if node.id not in task.nodes or node.op not in PURE_VIEWS:
            return min(found, key=lambda each: each.batches)
        place, node = input_index(task.graph, node, place), task.graph[node.inputs[0]]


def _others(items: tuple, axes: tuple[int, int]) -> tuple:
    return tuple(each for axis, each in enumerate(items) if axis not in axes)


def _axes(place: Place, variables: list[Index]) -> tuple[int, int] | None:
    """Those that the variables, and nothing else, run along."""
    own: list[int] = []
    for each in variables:
        # From behind: the index of every axis of one element is 0.
        free = [axis for axis in reversed(range(len(place))) if axis not in own and place[axis] == each]
        own += free[:1]
    inner = frozenset().union(*(each.uses for each in variables))
    if len(own) < 2 or any(index.uses & inner for index in _others(place, (own[0], own[1]))):
        return None
    return own[0], own[1]
