"""Views and data movement: index maps of their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Number, Term


@lowers(
    "view.default",
    "reshape.default",
    "_unsafe_view.default",
    "expand.default",
    "squeeze.default",
    "squeeze.dim",
    "squeeze.dims",
    "unsqueeze.default",
    "flatten.using_ints",
    "unflatten.int",
    "expand_as.default",
    "view_as.default",
    "reshape_as.default",
    "_reshape_copy.default",
    "view_copy.default",
    "expand_copy.default",
    wide=False,
)
def reshape(call: Call, x: Term, *args: object, **kwargs: object) -> Term:
    """Any of these is told by the result's shape: the same number of elements in order, or an expansion."""
    shape = call.type.shape
    return x.reshape(shape) if x.type.numel == prod(shape) else x.broadcast(shape)


@lowers("permute.default", wide=False)
def permute(call: Call, x: Term, dims: Sequence[int]) -> Term:
    return x.permute(dims)


@lowers("transpose.int", "swapaxes.default", "swapdims.default", wide=False)
def transpose(call: Call, x: Term, first: int, second: int) -> Term:
    return x.transpose(first, second)


@lowers("t.default", "numpy_T.default", "mT.default", wide=False)
def t(call: Call, x: Term) -> Term:
    return x.transpose(-2, -1) if x.rank > 1 else x


@lowers("movedim.int", wide=False)
def movedim(call: Call, x: Term, source: int, destination: int) -> Term:
    dims = [a for a in range(x.rank) if a != x.axis(source)]
    dims.insert(x.axis(destination), x.axis(source))
    return x.permute(dims)


@lowers("slice.Tensor", wide=False)
def slice_(call: Call, x: Term, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Term:
    axis = x.axis(dim)
    first, _, step = slice(start, end, step).indices(x.shape[axis])
    return x.slice(axis, first, call.type.shape[axis], step)


@lowers("narrow.default", wide=False)
def narrow(call: Call, x: Term, dim: int, start: int, length: int) -> Term:
    return x.slice(dim, start % x.shape[x.axis(dim)] if start < 0 else start, length)


@lowers("select.int", wide=False)
def select(call: Call, x: Term, dim: int, index: int) -> Term:
    axis = x.axis(dim)
    return x.slice(axis, index % x.shape[axis], 1).squeeze([axis])


@lowers("unbind.int", wide=False)
def unbind(call: Call, x: Term, dim: int = 0) -> tuple[Term, ...]:
    return tuple(select(call, x, dim, i) for i in range(x.shape[x.axis(dim)]))


@lowers(
    "split.Tensor",
    "split.sizes",
    "split_with_sizes.default",
    "chunk.default",
    "tensor_split.sections",
    "tensor_split.indices",
    "unsafe_split.Tensor",
    "unsafe_chunk.default",
    wide=False,
)
def split(call: Call, x: Term, _: object, dim: int = 0) -> tuple[Term, ...]:
    """All kinds of splitting are told by the sizes of the results."""
    axis, parts, start = x.axis(dim), [], 0
    for type in call.types:
        parts.append(x.slice(axis, start, type.shape[axis]))
        start += type.shape[axis]
    return tuple(parts)


@lowers("slice_scatter.default", wide=False)
def slice_scatter(
    call: Call, x: Term, source: Term, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Term:
    axis = x.axis(dim)
    first, last, step = slice(start, end, step).indices(x.shape[axis])
    need(step == 1 and last > first)
    parts = [x.slice(axis, 0, first)] if first else []
    parts.append(source.cast(x.dtype).broadcast([last - first if a == axis else n for a, n in enumerate(x.shape)]))
    parts += [x.slice(axis, last, x.shape[axis] - last)] if last < x.shape[axis] else []
    return call.terms.concat(parts, axis)


@lowers("select_scatter.default", wide=False)
def select_scatter(call: Call, x: Term, source: Term, dim: int, index: int) -> Term:
    axis = x.axis(dim)
    index %= x.shape[axis]
    return slice_scatter(call, x, source.unsqueeze(axis), axis, index, index + 1)


@lowers("cat.default", "concat.default", wide=False)
def cat(call: Call, tensors: Sequence[Term], dim: int = 0) -> Term:
    tensors = [t.cast(call.type.dtype) for t in tensors if t.shape != (0,) or call.type.shape == (0,)]
    return call.terms.concat(tensors, dim)


@lowers("stack.default", wide=False)
def stack(call: Call, tensors: Sequence[Term], dim: int = 0) -> Term:
    dim %= len(call.type.shape)
    return call.terms.concat([t.cast(call.type.dtype).unsqueeze(dim) for t in tensors], dim)


@lowers("flip.default", wide=False)
def flip(call: Call, x: Term, dims: Sequence[int]) -> Term:
    return x.flip(dims) if dims else x


@lowers("roll.default", wide=False)
def roll(call: Call, x: Term, shifts: Sequence[int], dims: Sequence[int] = ()) -> Term:
    shifts, dims = _list(shifts), _list(dims)
    if not dims:
        return roll(call, x.reshape([x.type.numel]), shifts, [0]).reshape(x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        size = x.shape[x.axis(dim)]
        shift = shift % size if size else 0
        if shift:
            x = call.terms.concat([x.slice(dim, size - shift, shift), x.slice(dim, 0, size - shift)], dim)
    return x


def _list(value: Sequence[int] | int) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


@lowers("repeat.default", "tile.default", wide=False)
def repeat(call: Call, x: Term, repeats: Sequence[int]) -> Term:
    rank = max(len(repeats), x.rank)
    repeats = [1] * (rank - len(repeats)) + list(repeats)
    shape = [1] * (rank - x.rank) + list(x.shape)
    spread = [n for pair in zip([1] * rank, shape, strict=True) for n in pair]
    wide = [n for pair in zip(repeats, shape, strict=True) for n in pair]
    return x.reshape(spread).broadcast(wide).reshape(call.type.shape)


@lowers("repeat_interleave.self_int", wide=False)
def repeat_interleave(call: Call, x: Term, repeats: int, dim: int | None = None, *, output_size=None) -> Term:
    if dim is None:
        x, dim = x.reshape([x.type.numel]), 0
    axis = x.axis(dim)
    shape = list(x.unsqueeze(axis + 1).shape)
    shape[axis + 1] = repeats
    return x.unsqueeze(axis + 1).broadcast(shape).reshape(call.type.shape)


@lowers("constant_pad_nd.default", "pad.default", wide=False)
def pad(call: Call, x: Term, amounts: Sequence[int], *args: object, value: Number | None = None) -> Term:
    """Pairs from the last axis on; a negative amount cuts."""
    mode = args[0] if args and isinstance(args[0], str) else "constant"
    if mode != "constant":
        return _pad_with_itself(call, x, amounts, mode)
    numbers = [a for a in args if a is not None and not isinstance(a, str)]
    value = numbers[0] if numbers else 0 if value is None else value
    low, high = [0] * x.rank, [0] * x.rank
    for i in range(len(amounts) // 2):
        axis = x.rank - 1 - i
        low[axis], high[axis] = amounts[2 * i], amounts[2 * i + 1]
        cut = max(-low[axis], 0), max(-high[axis], 0)
        if any(cut):
            x = x.slice(axis, cut[0], x.shape[axis] - sum(cut))
    return x.pad([max(n, 0) for n in low], [max(n, 0) for n in high], value)


def _pad_with_itself(call: Call, x: Term, amounts: Sequence[int], mode: str) -> Term:
    """What is at the borders is read from `x`: mirrored, its edge, or from the other side."""
    need(mode in ("reflect", "replicate", "circular") and min(amounts) >= 0)
    for i, (low, high) in enumerate(zip(amounts[::2], amounts[1::2], strict=True)):
        axis = x.rank - 1 - i
        size = x.shape[axis]
        if mode == "reflect":
            before, after = x.slice(axis, 1, low).flip([axis]), x.slice(axis, size - 1 - high, high).flip([axis])
        elif mode == "circular":
            before, after = x.slice(axis, size - low, low), x.slice(axis, 0, high)
        else:
            before, after = (
                x.slice(axis, start, 1).broadcast([n if a == axis else m for a, m in enumerate(x.shape)])
                for start, n in ((0, low), (size - 1, high))
            )
        x = call.terms.concat([*[before] * bool(low), x, *[after] * bool(high)], axis)
    return x


def _row_and_column(call: Call, x: Term) -> tuple[Term, Term]:
    shape = x.shape[-2:]
    return call.terms.iota((shape[0], 1), 0), call.terms.iota((1, shape[1]), 1)


@lowers("tril.default", wide=False)
def tril(call: Call, x: Term, diagonal: int = 0) -> Term:
    row, column = _row_and_column(call, x)
    return call.terms.where(column.map("le", row + diagonal), x, call.terms.const(0, x.dtype))


@lowers("triu.default", wide=False)
def triu(call: Call, x: Term, diagonal: int = 0) -> Term:
    row, column = _row_and_column(call, x)
    return call.terms.where(column.map("ge", row + diagonal), x, call.terms.const(0, x.dtype))


@lowers("diagonal.default", "diagonal_copy.default", wide=False)
def diagonal(call: Call, x: Term, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Term:
    """A slice with a step of the two axes read as one."""
    dim1, dim2 = x.axis(dim1), x.axis(dim2)
    rest = [a for a in range(x.rank) if a not in (dim1, dim2)]
    rows, columns, length = x.shape[dim1], x.shape[dim2], call.type.shape[-1]
    flat = x.permute([*rest, dim1, dim2]).reshape([*(x.shape[a] for a in rest), rows * columns])
    start = offset if offset >= 0 else -offset * columns
    return flat.slice(-1, start if length else 0, length, columns + 1)


@lowers("diag_embed.default", wide=False)
def diag_embed(call: Call, x: Term, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Term:
    rank = x.rank + 1
    need(offset == 0 and (dim1 % rank, dim2 % rank) == (rank - 2, rank - 1))
    size = x.shape[-1]
    row, column = call.terms.iota((size, 1), 0), call.terms.iota((1, size), 1)
    return call.terms.where(row.map("eq", column), x.unsqueeze(-1), call.terms.const(0, x.dtype))


@lowers("diag.default", wide=False)
def diag(call: Call, x: Term, offset: int = 0) -> Term:
    return diag_embed(call, x, offset) if x.rank == 1 else diagonal(call, x, offset)


@lowers("unfold.default", wide=False)
def unfold(call: Call, x: Term, dim: int, size: int, step: int) -> Term:
    axis, count = x.axis(dim), call.type.shape[x.axis(dim)]
    start = call.terms.iota((count, 1), 0) * step
    index = start + call.terms.iota((1, size), 1)
    taken = x.take(index.cast(DType.I64), axis)
    return taken.permute([a for a in range(x.rank + 1) if a != axis + 1] + [axis + 1])
