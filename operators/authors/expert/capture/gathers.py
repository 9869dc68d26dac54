"""Reads at indices held in tensors."""

from __future__ import annotations

from collections.abc import Sequence

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Term


@lowers("embedding.default", wide=False)
def embedding(call: Call, weight: Term, index: Term, *args: object, **kwargs: object) -> Term:
    return weight.take(index.cast(DType.I64), 0)


@lowers("index_select.default", wide=False)
def index_select(call: Call, x: Term, dim: int, index: Term) -> Term:
    need(x.rank > 0 and index.rank == 1)
    return x.take(index.cast(DType.I64), dim)


@lowers("gather.default", wide=False)
def gather(call: Call, x: Term, dim: int, index: Term, *, sparse_grad: bool = False) -> Term:
    need(x.rank == index.rank > 0)
    return x.gather(index.cast(DType.I64), dim)


@lowers("take_along_dim.default", wide=False)
def take_along_dim(call: Call, x: Term, index: Term, dim: int | None = None) -> Term:
    if dim is None:
        return x.reshape([x.type.numel]).gather(index.cast(DType.I64).reshape([index.type.numel]), 0)
    axis = x.axis(dim)
    need(all(a == axis or n == m for a, (n, m) in enumerate(zip(x.shape, index.shape, strict=True))))
    return x.gather(index.cast(DType.I64), axis)


@lowers("index.Tensor", "_unsafe_index.Tensor", wide=False)
def index(call: Call, x: Term, indices: Sequence[Term | None]) -> Term:
    """Neighbouring integer indices, which are one `take` of the axes read as one; negatives count from the end."""
    used = [a for a, each in enumerate(indices) if each is not None]
    need(bool(used) and used == list(range(used[0], used[-1] + 1)))
    terms = [indices[a].cast(DType.I64) for a in used]
    need(all(indices[a].dtype is not DType.BOOL and indices[a].dtype is not DType.U8 for a in used))
    flat, size = None, 1
    for axis, term in zip(used, terms, strict=True):
        wrapped = call.terms.where(term.map("lt", 0), term + x.shape[axis], term)
        flat = wrapped if flat is None else flat * x.shape[axis] + wrapped
        size *= x.shape[axis]
    return x.reshape([*x.shape[: used[0]], size, *x.shape[used[-1] + 1 :]]).take(flat, used[0])


@lowers("one_hot.default", wide=False)
def one_hot(call: Call, x: Term, classes: int = -1) -> Term:
    classes = call.type.shape[-1]
    line = call.terms.iota([1] * x.rank + [classes], -1)
    return x.unsqueeze(-1).map("eq", line).cast(DType.I64)
