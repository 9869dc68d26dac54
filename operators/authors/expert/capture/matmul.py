"""Matrix products in all their shapes, as `dot` of operands with rank 2 or more."""

from __future__ import annotations

from math import prod

from operators.authors.expert.capture.registry import Call, lowers
from operators.authors.expert.ir.terms import Number, Term


@lowers("mm.default", "bmm.default", wide=False)
def mm(call: Call, a: Term, b: Term) -> Term:
    return a.dot(b)


@lowers("matmul.default", wide=False)
def matmul(call: Call, a: Term, b: Term) -> Term:
    """Vectors take part as rows or columns; a stack of matrices by one matrix is one tall product."""
    left = a.reshape([1, *a.shape]) if a.rank == 1 else a
    right = b.reshape([*b.shape, 1]) if b.rank == 1 else b
    if left.rank > 2 and right.rank == 2:
        return linear(call, left, right.transpose(0, 1)).reshape(call.type.shape)
    return left.dot(right).reshape(call.type.shape)


@lowers("linear.default", wide=False)
def linear(call: Call, x: Term, weight: Term, bias: Term | None = None) -> Term:
    rows = prod(x.shape[:-1])
    columns = weight.shape[0] if weight.rank > 1 else 1
    result = x.reshape([rows, x.shape[-1]]).dot(weight.reshape([columns, x.shape[-1]]).transpose(0, 1))
    shape = [*x.shape[:-1], columns] if weight.rank > 1 else x.shape[:-1]
    result = result.reshape(shape)
    return result if bias is None else result + bias


def _plus(x: Term, product: Term, beta: Number, alpha: Number) -> Term:
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else (x if beta == 1 else x * beta) + product


@lowers("addmm.default", "baddbmm.default", wide=False)
def addmm(call: Call, x: Term, a: Term, b: Term, *, beta: Number = 1, alpha: Number = 1) -> Term:
    return _plus(x, a.dot(b), beta, alpha)


@lowers("addmv.default", wide=False)
def addmv(call: Call, x: Term, a: Term, b: Term, *, beta: Number = 1, alpha: Number = 1) -> Term:
    return _plus(x, mv(call, a, b), beta, alpha)


@lowers("mv.default", wide=False)
def mv(call: Call, a: Term, b: Term) -> Term:
    return a.dot(b.unsqueeze(1)).squeeze([1])


@lowers("dot.default", "vdot.default", "inner.default", wide=False)
def dot(call: Call, a: Term, b: Term) -> Term:
    if a.rank == b.rank == 1:
        return (a * b).reduce("sum")
    return matmul(call, a, b.transpose(-1, -2) if b.rank > 1 else b)


@lowers("outer.default", "ger.default", wide=False)
def outer(call: Call, a: Term, b: Term) -> Term:
    return a.unsqueeze(1) * b.unsqueeze(0)
