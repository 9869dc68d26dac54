"""A tensor language over a graph under construction: lowerings and rewrites are written in it.

    t = Terms()
    x = t.input(0, TensorType(DType.F32, (4, 8)))
    y = x * x.map("sigmoid")

Operands promote and broadcast as torch's do; nodes simplify as they are made (`peephole`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from operators.authors.expert.ir.graph import DType, GraphBuilder, TensorType
from operators.authors.expert.ir.peephole import simplified

Number = bool | int | float
_FLOAT_OUT = frozenset(
    "exp exp2 expm1 log log2 log1p sqrt rsqrt reciprocal sin cos tan tanh sigmoid erf erfc asin acos atan sinh cosh "
    "asinh acosh atanh softplus mish_gate erf_plus_one div atan2".split()
)
_BOOL_OUT = frozenset("eq ne lt le gt ge logical_and logical_or logical_xor logical_not isnan isinf".split())


def torch_dtype(dtype: DType) -> torch.dtype:
    return getattr(torch, dtype.value)


def ir_dtype(dtype: torch.dtype) -> DType:
    """Raises ValueError for a dtype that the IR does not know (complex, quantised, float8)."""
    return DType(str(dtype).removeprefix("torch."))


class Terms:
    """Makes nodes and hands them out as `Term`s."""

    def __init__(self) -> None:
        self.builder = GraphBuilder()

    def add(self, op: str, inputs: Sequence[Term], type: TensorType, /, **attrs: Any) -> Term:
        return self.term(simplified(self.builder, op, tuple(i.id for i in inputs), type, attrs))

    def term(self, node_id: int) -> Term:
        return Term(self, node_id, self.builder[node_id].type)

    def input(self, position: int, type: TensorType, path: tuple[int | str, ...] = ()) -> Term:
        return self.add("input", (), type, position=position, path=path)

    def state(self, name: str, type: TensorType) -> Term:
        return self.add("state", (), type, name=name)

    def const(self, value: Number, dtype: DType) -> Term:
        if dtype.is_float:
            value = float(value)
        return self.add("const", (), TensorType(dtype, ()), value=value)

    def full(self, value: Number, type: TensorType) -> Term:
        return self.const(value, type.dtype).broadcast(type.shape)

    def iota(self, shape: Sequence[int], axis: int, dtype: DType = DType.I64) -> Term:
        return self.add("iota", (), TensorType(dtype, tuple(shape)), axis=axis % len(shape))

    def promote(self, *operands: Term | Number) -> DType:
        """torch.result_type of all operands together."""
        samples = [_sample(each) for each in operands]
        result = samples[0]
        if len(samples) == 1:
            return ir_dtype(torch.result_type(result, result))
        for sample in samples[1:]:
            dtype = torch.result_type(result, sample)
            rank = max(each.ndim if isinstance(each, torch.Tensor) else -1 for each in (result, sample))
            result = torch.empty((1,) * max(rank, 0), dtype=dtype, device="meta")
        return ir_dtype(result.dtype)

    def map(self, op: str, *operands: Term | Number) -> Term:
        """An elementwise op of terms and numbers, with torch's type promotion; `where` promotes its last two."""
        values = operands[1:] if op == "where" else operands
        dtype = self.promote(*values)
        if op in _FLOAT_OUT and not dtype.is_float:
            dtype = DType.F32
        terms = [self.as_term(each, dtype) for each in values]
        if op == "where":
            terms = [self.as_term(operands[0], DType.BOOL), *terms]
        shape = torch.broadcast_shapes(*(each.shape for each in terms))
        result = DType.BOOL if op in _BOOL_OUT else dtype
        return self.add(op, terms, TensorType(result, tuple(shape)))

    def as_term(self, operand: Term | Number, dtype: DType) -> Term:
        return operand.cast(dtype) if isinstance(operand, Term) else self.const(operand, dtype)

    def where(self, condition: Term, then: Term | Number, otherwise: Term | Number) -> Term:
        return self.map("where", condition, then, otherwise)

    def concat(self, terms: Sequence[Term], axis: int) -> Term:
        axis %= len(terms[0].shape)
        shape = list(terms[0].shape)
        shape[axis] = sum(each.shape[axis] for each in terms)
        return self.add("concat", terms, TensorType(terms[0].dtype, tuple(shape)), axis=axis)


@dataclass(frozen=True)
class Term:
    """One node under construction."""

    terms: Terms
    id: int
    type: TensorType

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def rank(self) -> int:
        return len(self.type.shape)

    @property
    def op(self) -> str:
        return self.terms.builder[self.id].op

    def map(self, op: str, *others: Term | Number) -> Term:
        return self.terms.map(op, self, *others)

    def __add__(self, other: Term | Number) -> Term:
        return self.map("add", other)

    def __sub__(self, other: Term | Number) -> Term:
        return self.map("sub", other)

    def __mul__(self, other: Term | Number) -> Term:
        return self.map("mul", other)

    def __truediv__(self, other: Term | Number) -> Term:
        return self.map("div", other)

    def __radd__(self, other: Number) -> Term:
        return self.terms.map("add", other, self)

    def __rsub__(self, other: Number) -> Term:
        return self.terms.map("sub", other, self)

    def __rmul__(self, other: Number) -> Term:
        return self.terms.map("mul", other, self)

    def __rtruediv__(self, other: Number) -> Term:
        return self.terms.map("div", other, self)

    def __neg__(self) -> Term:
        return self.map("neg")

    def cast(self, dtype: DType) -> Term:
        return self.terms.add("cast", [self], TensorType(dtype, self.shape))

    def floating(self) -> Term:
        """Itself, or cast to float32 when it holds integers or booleans."""
        return self if self.dtype.is_float else self.cast(DType.F32)

    def max(self, other: Term | Number) -> Term:
        return self.map("max", other)

    def min(self, other: Term | Number) -> Term:
        return self.map("min", other)

    def axis(self, axis: int) -> int:
        return axis % self.rank if self.rank else 0

    def axes(self, axes: Sequence[int] | int | None) -> tuple[int, ...]:
        """Sorted and non-negative; None and an empty list mean all, as in torch's reductions."""
        if isinstance(axes, int):
            axes = [axes]
        return tuple(sorted(self.axis(a) for a in axes)) if axes and self.rank else tuple(range(self.rank))

    def size(self, axes: Sequence[int] | int | None) -> int:
        return prod(self.shape[a] for a in self.axes(axes))

    def reshape(self, shape: Sequence[int]) -> Term:
        shape = list(shape)
        if -1 in shape:
            shape[shape.index(-1)] = self.type.numel // max(-prod(shape), 1)
        return self.terms.add("reshape", [self], TensorType(self.dtype, tuple(shape)))

    def squeeze(self, axes: Sequence[int] | int) -> Term:
        gone = {a for a in self.axes(axes) if self.rank and self.shape[a] == 1}
        return self.reshape([n for a, n in enumerate(self.shape) if a not in gone])

    def unsqueeze(self, axis: int) -> Term:
        axis %= self.rank + 1
        return self.reshape((*self.shape[:axis], 1, *self.shape[axis:]))

    def permute(self, dims: Sequence[int]) -> Term:
        dims = tuple(self.axis(d) for d in dims)
        return self.terms.add("permute", [self], TensorType(self.dtype, tuple(self.shape[d] for d in dims)), dims=dims)

    def transpose(self, first: int, second: int) -> Term:
        dims = list(range(self.rank))
        if dims:
            first, second = self.axis(first), self.axis(second)
            dims[first], dims[second] = second, first
        return self.permute(dims)

    def broadcast(self, shape: Sequence[int]) -> Term:
        return self.terms.add("broadcast", [self], TensorType(self.dtype, tuple(shape)))

    def slice(self, axis: int, start: int, length: int, step: int = 1) -> Term:
        axis = self.axis(axis)
        starts, steps, shape = [0] * self.rank, [1] * self.rank, list(self.shape)
        starts[axis], steps[axis], shape[axis] = start, step if length > 1 else 1, length
        return self.terms.add(
            "slice", [self], TensorType(self.dtype, tuple(shape)), start=tuple(starts), step=tuple(steps)
        )

    def flip(self, axes: Sequence[int]) -> Term:
        return self.terms.add("flip", [self], self.type, axes=self.axes(axes)) if axes else self

    def pad(self, low: Sequence[int], high: Sequence[int], value: Number) -> Term:
        """Amounts per axis, none negative."""
        shape = tuple(n + a + b for n, a, b in zip(self.shape, low, high, strict=True))
        value = float(value) if self.dtype.is_float else value
        return self.terms.add(
            "pad", [self], TensorType(self.dtype, shape), low=tuple(low), high=tuple(high), value=value
        )

    def reduce(self, op: str, axes: Sequence[int] | int | None = None, keep: bool = False) -> Term:
        """Over `axes` (all when None or empty), which go unless `keep`."""
        axes = self.axes(axes)
        kept = TensorType(self.dtype, tuple(1 if a in axes else n for a, n in enumerate(self.shape)))
        result = self.terms.add("reduce", [self], kept, op=op, axes=axes) if axes else self
        return result if keep else result.squeeze(axes) if axes else result

    def mean(self, axes: Sequence[int] | int | None = None, keep: bool = False) -> Term:
        return self.reduce("sum", axes, keep) / float(self.size(axes))

    def argreduce(self, op: str, axis: int, keep: bool = False) -> Term:
        axis = self.axis(axis)
        kept = TensorType(DType.I64, tuple(1 if a == axis else n for a, n in enumerate(self.shape)))
        result = self.terms.add("argreduce", [self], kept, op=op, axis=axis)
        return result if keep else result.squeeze([axis])

    def scan(self, op: str, axis: int, reverse: bool = False) -> Term:
        return self.terms.add("scan", [self], self.type, op=op, axis=self.axis(axis), reverse=reverse)

    def take(self, index: Term, axis: int) -> Term:
        axis = self.axis(axis)
        shape = (*self.shape[:axis], *index.shape, *self.shape[axis + 1 :])
        return self.terms.add("take", [self, index], TensorType(self.dtype, shape), axis=axis)

    def gather(self, index: Term, axis: int) -> Term:
        return self.terms.add("gather", [self, index], TensorType(self.dtype, index.shape), axis=self.axis(axis))

    def dot(self, other: Term) -> Term:
        batch = torch.broadcast_shapes(self.shape[:-2], other.shape[:-2])
        shape = (*batch, self.shape[-2], other.shape[-1])
        return self.terms.add("dot", [self, other], TensorType(self.dtype, tuple(shape)))

    def window(
        self,
        op: str,
        kernel: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        out: Sequence[int],
    ) -> Term:
        """Over the last axes, one per entry of `kernel`; `out` are the result's sizes there."""
        shape = (*self.shape[: self.rank - len(kernel)], *out)
        attrs = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        attrs = {name: tuple(value) for name, value in attrs.items()}
        return self.terms.add("window", [self], TensorType(self.dtype, shape), op=op, **attrs)


def _sample(operand: Term | Number) -> torch.Tensor | Number:
    """Something for torch.result_type: a tensor of rank 0 takes part in promotion otherwise than one of rank 1."""
    if not isinstance(operand, Term):
        return operand
    if operand.op == "const":
        return torch.empty((), dtype=torch_dtype(operand.dtype), device="meta")
    return torch.empty((1,) * operand.rank, dtype=torch_dtype(operand.dtype), device="meta")
