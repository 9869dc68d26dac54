"""Pooling, as windows."""

from __future__ import annotations

from collections.abc import Sequence

from operators.authors.expert.capture.conv import _each
from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Term

Sizes = Sequence[int] | int


def _register(name: str, spatial: int) -> None:
    """One function for 1, 2 and 3 dimensions."""

    @lowers(f"max_pool{spatial}d.default")
    def max_pool(
        call: Call, x: Term, kernel: Sizes, stride: Sizes = (), padding=0, dilation=1, ceil_mode=False
    ) -> Term:
        kernel = _each(kernel, spatial)
        stride = _each(stride, spatial) if stride else kernel
        padding, dilation = _each(padding, spatial), _each(dilation, spatial)
        return x.window("max", kernel, stride, padding, dilation, call.type.shape[x.rank - spatial :])

    @lowers(f"avg_pool{spatial}d.default")
    def avg_pool(
        call: Call,
        x: Term,
        kernel: Sizes,
        stride: Sizes = (),
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Term:
        kernel = _each(kernel, spatial)
        stride, padding = _each(stride, spatial) if stride else kernel, _each(padding, spatial)
        out, one = call.type.shape[x.rank - spatial :], (1,) * spatial
        total = x.window("sum", kernel, stride, padding, one, out)
        if divisor_override:
            return total / float(divisor_override)
        for i in range(spatial):
            axis = x.rank - spatial + i
            total = total / _counts(call, x, axis, kernel[i], stride[i], padding[i], out[i], count_include_pad)
        return total

    @lowers(f"max_pool{spatial}d_with_indices.default")
    def max_pool_with_indices(
        call: Call, x: Term, kernel: Sizes, stride: Sizes = (), padding=0, dilation=1, ceil_mode=False
    ) -> tuple[Term, None]:
        return max_pool(call, x, kernel, stride, padding, dilation, ceil_mode), None

    @lowers(f"adaptive_avg_pool{spatial}d.default", f"_adaptive_avg_pool{spatial}d.default")
    def adaptive_avg_pool(call: Call, x: Term, out: Sizes) -> Term:
        kernel, out = _even_kernel(call, x, spatial)
        if all(n == 1 for n in out):
            return x.mean(list(range(x.rank - spatial, x.rank)), True)
        total = x.window("sum", kernel, kernel, (0,) * spatial, (1,) * spatial, out)
        return total / float(_product(kernel))

    @lowers(f"adaptive_max_pool{spatial}d.default")
    def adaptive_max_pool(call: Call, x: Term, out: Sizes) -> tuple[Term, None]:
        kernel, out = _even_kernel(call, x, spatial)
        if all(n == 1 for n in out):
            return x.reduce("max", list(range(x.rank - spatial, x.rank)), True), None
        return x.window("max", kernel, kernel, (0,) * spatial, (1,) * spatial, out), None


def _even_kernel(call: Call, x: Term, spatial: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(kernel, output sizes) where every bin of an adaptive pooling is equally large."""
    sizes, out = x.shape[x.rank - spatial :], call.type.shape[x.rank - spatial :]
    need(all(m and n % m == 0 for n, m in zip(sizes, out, strict=True)))
    return tuple(n // m for n, m in zip(sizes, out, strict=True)), out


def _product(sizes: Sequence[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


def _counts(
    call: Call, x: Term, axis: int, kernel: int, stride: int, padding: int, out: int, count_padding: bool
) -> Term | float:
    """How many elements each window averages along one axis: a number where all agree, else computed from iota."""
    size = x.shape[axis]
    low, high = (-padding, size + padding) if count_padding else (0, size)
    starts = [i * stride - padding for i in range(out)]
    counts = {min(s + kernel, size + padding, high) - max(s, low) for s in starts}
    if len(counts) == 1:
        return float(counts.pop())
    start = call.terms.iota([out if a == axis else 1 for a in range(x.rank)], axis) * stride - padding
    return ((start + kernel).min(high) - start.max(low)).cast(DType.F32 if x.dtype is not DType.F64 else DType.F64)


for _spatial in (1, 2, 3):
    _register("pool", _spatial)
