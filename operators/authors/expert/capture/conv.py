"""Convolutions, and transposed ones."""

from __future__ import annotations

from collections.abc import Sequence

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import TensorType
from operators.authors.expert.ir.terms import Term

Sizes = Sequence[int] | int


@lowers("convolution.default", wide=False)
def convolution(
    call: Call,
    x: Term,
    weight: Term,
    bias: Term | None,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    transposed: bool,
    output_padding: Sizes,
    groups: int,
) -> Term:
    if transposed:
        return conv_transpose(call, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _conv(call, x, weight, bias, stride, padding, dilation, groups)


@lowers(
    "conv1d.default",
    "conv2d.default",
    "conv3d.default",
    "conv1d.padding",
    "conv2d.padding",
    "conv3d.padding",
    wide=False,
)
def conv(
    call: Call,
    x: Term,
    weight: Term,
    bias: Term | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Term:
    return _conv(call, x, weight, bias, stride, padding, dilation, groups)


@lowers("conv_transpose1d.default", "conv_transpose2d.input", "conv_transpose3d.input", wide=False)
def conv_transpose(
    call: Call,
    x: Term,
    weight: Term,
    bias: Term | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Term:
    spatial = weight.rank - 2
    stride, padding, extra, dilation = (_each(v, spatial) for v in (stride, padding, output_padding, dilation))
    if x.rank == weight.rank - 1:  # no batch
        x = x.unsqueeze(0)
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, extra, dilation, strict=True)
    out = [(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, e, d in sizes]
    type = TensorType(x.dtype, (x.shape[0], weight.shape[1] * groups, *out))
    attrs = {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation, "groups": groups}
    result = call.terms.add("conv_transpose", [x, weight], type, **attrs)
    return _biased(result, bias).reshape(call.type.shape)


def _conv(call: Call, x: Term, weight: Term, bias: Term | None, stride, padding, dilation, groups: int) -> Term:
    spatial = weight.rank - 2
    stride, dilation = _each(stride, spatial), _each(dilation, spatial)
    if x.rank == weight.rank - 1:  # no batch
        x = x.unsqueeze(0)
    if isinstance(padding, str):
        padding = _named_padding(padding, weight, dilation)
        if any(total % 2 for total in padding):
            x = x.pad([0, 0, *(t // 2 for t in padding)], [0, 0, *(t - t // 2 for t in padding)], 0.0)
            padding = [0] * spatial
        padding = [t // 2 for t in padding]
    padding = _each(padding, spatial)
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes]
    type = TensorType(x.dtype, (x.shape[0], weight.shape[0], *out))
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    result = call.terms.add("conv", [x, weight], type, **attrs)
    return _biased(result, bias).reshape(call.type.shape)


def _biased(result: Term, bias: Term | None) -> Term:
    return result if bias is None else result + bias.reshape([-1] + [1] * (result.rank - 2))


def _each(value: Sizes, count: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * count if len(values) == 1 else values


def _named_padding(name: str, weight: Term, dilation: Sequence[int]) -> list[int]:
    """Both sides together per axis."""
    need(name in ("valid", "same"))
    return [d * (k - 1) if name == "same" else 0 for k, d in zip(weight.shape[2:], dilation, strict=True)]
