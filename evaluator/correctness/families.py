"""Families of inputs: what to turn a problem's own inputs into, to find faults that its own inputs hide.

A family changes the floating-point tensors among the inputs; shapes, strides and other values stay. Exact zeros stay
where a good part of a tensor is zero (a triangle), symmetric matrices stay symmetric, and masks and labels of two
values are left alone. Whether a family is meaningful for a problem shows when eager runs on it: see `reference.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

Family = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
_STRUCTURAL_ZEROS = 0.2


def _normal(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return _randn(x, g)


def _large(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return x * 64


def _small(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return x * 1e-3


def _offset(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return x + 1000


def _heavy_tail(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return x * torch.exp(1.5 * _randn(x, g))


def _cancellation(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """Random signs over six orders of magnitude."""
    exponents = torch.empty_like(x).uniform_(-3, 3, generator=g)
    return torch.sign(_randn(x, g)) * torch.pow(10.0, exponents)


def _constant_rows(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return torch.empty_like(x).copy_(x.narrow(-1, 0, 1).expand_as(x))


def _one_row(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """One row, drawn at random, is 100 times as large as it was."""
    x, row = x.clone(), _index(x.shape[0], g)
    x[row] *= 100
    return x


def _outlier(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """One element, drawn at random, is large and finite: samples of a tensor hardly ever hold it."""
    x = x.clone()
    x[tuple(_index(size, g) for size in x.shape)] = _far(x, (), g)
    return x


def _outlier_a_row(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """One element of every row is."""
    rows = (*x.shape[:-1], 1)
    where = torch.randint(x.shape[-1], rows, generator=g, device=g.device)
    return x.scatter(-1, where, _far(x, rows, g))


def _far(x: torch.Tensor, shape: tuple[int, ...], g: torch.Generator) -> torch.Tensor:
    """Values of either sign, a thousand to ten thousand times as large as those of `x` are."""
    exponents = torch.empty(shape, device=g.device).uniform_(3, 4, generator=g)
    signs = torch.randint(2, shape, generator=g, device=g.device) * 2 - 1
    return (signs * 10**exponents * x.float().abs().mean()).to(x.dtype)


def _zeros(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return torch.zeros_like(x)


def _denormal(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return x * (torch.finfo(x.dtype).tiny / 8)


def _nan(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return _sprinkled(x, g, (float("nan"),))


def _infinite(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return _sprinkled(x, g, (float("inf"), -float("inf")))


def _sprinkled(x: torch.Tensor, g: torch.Generator, values: tuple[float, ...]) -> torch.Tensor:
    x = x.clone()
    for value in values:
        x[tuple(_index(size, g) for size in x.shape)] = value
    return x


def _randn(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return torch.empty_like(x).normal_(generator=g)


def _index(size: int, g: torch.Generator) -> int:
    return int(torch.randint(size, (), generator=g, device=g.device))


# In the order of what each has found, so that a short budget keeps the best ones.
FAMILIES: dict[str, Family] = {
    "one row x100": _one_row,
    "large": _large,
    "offset": _offset,
    "cancellation": _cancellation,
    "nan": _nan,
    "outlier": _outlier,
    "outlier in each row": _outlier_a_row,
    "constant rows": _constant_rows,
    "heavy tail": _heavy_tail,
    "infinite": _infinite,
    "small": _small,
    "normal": _normal,
    "denormal": _denormal,
    "zeros": _zeros,
}
_FEW = 8  # elements
SPECIAL = frozenset(["nan", "infinite"])  # outputs that are not finite are what these are for
# Nothing of the inputs is left: what comes out is the parameters' doing, often the same number everywhere, of which a
# norm behind it leaves what rounding was. They tell whether a candidate is right, and not how exact it is.
EMPTY = frozenset(["denormal", "zeros"])


def generator_for(arguments: list[Any], seed: int) -> torch.Generator:
    """A seeded generator where the tensors among the arguments are."""
    places = (leaf.device for leaf in tree_leaves(arguments) if isinstance(leaf, torch.Tensor))
    return torch.Generator(next(places, "cpu")).manual_seed(seed)


def transform(name: str, arguments: list[Any], seed: int) -> list[Any]:
    """The arguments with every floating-point tensor of rank 1 and more put through family `name`; but for masks and
    labels of two values, where there are others."""
    generator = generator_for(arguments, seed)
    values = [leaf for leaf in tree_leaves(arguments) if _has_values(leaf)]
    only_labels = all(map(_is_binary, values))

    def apply(leaf: Any) -> Any:
        if not _has_values(leaf) or (_is_binary(leaf) and not only_labels):
            return leaf
        changed = FAMILIES[name](leaf, generator)
        if _is_symmetric(leaf):
            changed = changed.triu() + changed.triu(1).mT
        zeros = leaf == 0
        if zeros.sum() > _STRUCTURAL_ZEROS * leaf.numel():
            changed = changed.masked_fill(zeros, 0.0)
        return torch.empty_like(leaf).copy_(changed)

    return tree_map(apply, arguments)


def _has_values(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.is_floating_point() and leaf.dim() > 0 and leaf.numel() > 0


def _is_binary(x: torch.Tensor) -> bool:
    """Of two values, and not because there are hardly any."""
    low, high = x.aminmax()
    return x.numel() >= _FEW and bool(low < high) and bool(((x == low) | (x == high)).all())


def _is_symmetric(x: torch.Tensor) -> bool:
    """Square matrices that are their own transposes: not by chance."""
    return x.dim() > 1 and x.shape[-1] == x.shape[-2] > 1 and torch.equal(x, x.mT)
